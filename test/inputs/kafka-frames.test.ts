import { connect, createServer } from 'node:net'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Frames, inFrames } from '../../src/inputs/kafka/frames.ts'

const answer = (size: number, fill: number): Buffer => {
  const bytes = Buffer.alloc(4 + size, fill)
  bytes.writeInt32BE(size)
  return bytes
}

it('gives whole answers and keeps the rest, however they are cut', () => {
  const answers = fc.array(fc.integer({ min: 4, max: 200 }), { minLength: 1, maxLength: 20 })
  const cuts = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1 })
  fc.assert(
    fc.property(answers, cuts, (sizes, lengths) => {
      const sent = Buffer.concat(sizes.map((size, i) => answer(size, i)))
      const taken: Buffer[] = []
      const frames = new Frames(bytes => taken.push(Buffer.from(bytes)))
      for (let at = 0, i = 0; at < sent.length; i++) {
        const length = lengths[i % lengths.length]!
        frames.push(sent.subarray(at, at + length))
        at += length
        // What was given so far ends where an answer does.
        let end = 0
        const given = Buffer.concat(taken)
        while (end < given.length) end += 4 + given.readInt32BE(end)
        expect(end).toBe(given.length)
      }
      expect(Buffer.concat(taken).equals(sent)).toBe(true)
    }),
  )
})

it('ends a connection to what is not Kafka', async () => {
  const server = createServer(client => client.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const socket = inFrames(connect(port, '127.0.0.1'))
  const given: Buffer[] = []
  const failed = new Promise<Error>(resolve => socket.on('error', resolve))
  socket.on('data', bytes => given.push(bytes as Buffer))
  expect((await failed).message).toMatch(/not Kafka/)
  expect(given).toEqual([])
  server.close()
})
