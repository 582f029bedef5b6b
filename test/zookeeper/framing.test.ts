import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameReader } from '../../src/engines/zookeeper/wire/framing.ts'

const framed = (body: Uint8Array): Buffer => {
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length)
  return Buffer.concat([length, body])
}

const readAll = (chunks: readonly Buffer[]): string[] => {
  const frames: string[] = []
  const reader = new FrameReader(frame => frames.push(frame.toString('hex')))
  for (const chunk of chunks) reader.push(chunk)
  return frames
}

describe('FrameReader', () => {
  it('finds the same frames however the bytes are cut', () => {
    const bodies = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 12 })
    const cuts = fc.infiniteStream(fc.nat({ max: 9 }))
    fc.assert(
      fc.property(bodies, cuts, (frames, sizes) => {
        const bytes = Buffer.concat(frames.map(framed))
        const chunks: Buffer[] = []
        for (let at = 0; at < bytes.length; ) {
          const size = sizes.next().value
          chunks.push(bytes.subarray(at, at + size))
          at += size
        }
        expect(readAll(chunks)).toEqual(frames.map(body => Buffer.from(body).toString('hex')))
      }),
      { numRuns: 2000 },
    )
  })

  it('reads a frame that comes in as many chunks as it has bytes, and many frames in one chunk', () => {
    const large = Buffer.alloc(200_000, 7)
    expect(readAll([...framed(large)].map(byte => Buffer.from([byte])))).toEqual([large.toString('hex')])
    const many = Buffer.concat(Array.from({ length: 100_000 }, () => framed(Buffer.from('x'))))
    expect(readAll([many])).toHaveLength(100_000)
  })

  it('tells when a frame has begun', () => {
    const reader = new FrameReader(() => {})
    const bytes = framed(Buffer.alloc(10))
    reader.push(bytes.subarray(0, 8))
    expect(reader.midFrame).toBe(true)
    reader.push(bytes.subarray(8))
    expect(reader.midFrame).toBe(false)
  })

  it('hands out nothing more once stopped, also within a chunk', () => {
    const frames: Buffer[] = []
    const reader = new FrameReader(frame => {
      frames.push(frame)
      reader.stop()
    })
    reader.push(Buffer.concat([framed(Buffer.from('a')), framed(Buffer.from('b'))]))
    reader.push(framed(Buffer.from('c')))
    expect(frames.map(String)).toEqual(['a'])
  })

  it.each(['ffffffff', '7fffffff', '80000000'])('refuses the length 0x%s', length => {
    const reader = new FrameReader(() => {})
    expect(() => reader.push(Buffer.from(length, 'hex'))).toThrow(RangeError)
  })
})
