import { describe, expect, it } from 'vitest'
import { Op } from '../../src/engines/zookeeper/wire/protocol.ts'
import {
  readEventPath,
  readListings,
  readMulti,
  readNodes,
} from '../../src/engines/zookeeper/wire/replies.ts'
import { int, long } from './scripted-server.ts'

const HEADER = Buffer.alloc(16)
const result = (type: number, ...body: Buffer[]): Buffer =>
  Buffer.concat([int(type), Buffer.from([0]), int(-1), ...body])
const stat = (czxid: bigint, mzxid: bigint, version: number): Buffer =>
  Buffer.concat([
    long(czxid),
    long(mzxid),
    long(1n),
    long(2n),
    int(version, 7, 8),
    long(9n),
    int(3, 0),
    long(10n),
  ])
const data = (value: Buffer, at: Buffer): Buffer => result(Op.getData, int(value.length), value, at)
const text = (value: string): Buffer => Buffer.concat([int(Buffer.byteLength(value)), Buffer.from(value)])

describe('readNodes', () => {
  it('reads values, versions and zxids, absent data, and errors', () => {
    const reply = Buffer.concat([
      HEADER,
      data(Buffer.from('value'), stat(0x1_0000_0002n, 0x7_ffff_fff0n, 3)),
      result(Op.error, int(-101)),
      result(Op.getData, int(-1), stat(1n, 2n, 0)),
      data(Buffer.alloc(0), stat(1n, 2n, 0)),
    ])
    expect(readNodes(reply, 4)).toEqual([
      { value: Buffer.from('value'), version: 3, czxid: 0x1_0000_0002, revision: 0x7_ffff_fff0 },
      -101,
      { value: Buffer.alloc(0), version: 0, czxid: 1, revision: 2 },
      { value: Buffer.alloc(0), version: 0, czxid: 1, revision: 2 },
    ])
  })

  it('gives values that keep little more than themselves in memory', () => {
    const sizes = [...Array.from({ length: 300 }, (_, i) => i), 5000, 9000, 100_000, 10, 8192, 8191, 1]
    const values = sizes.map((size, i) => Buffer.alloc(size, i))
    const reply = Buffer.concat([HEADER, ...values.map(value => data(value, stat(1n, 2n, 0)))])
    for (const [i, node] of readNodes(reply, values.length).entries()) {
      if (typeof node === 'number') throw new Error(`result ${i} is ${node}`)
      expect(node.value.equals(values[i]!)).toBe(true)
      expect(node.value.buffer.byteLength).toBeLessThanOrEqual(Math.max(sizes[i]!, 8192))
    }
    const [alone] = readNodes(Buffer.concat([HEADER, data(Buffer.alloc(1000), stat(1n, 2n, 0))]), 1)
    expect(typeof alone === 'object' && alone.value.buffer.byteLength).toBeLessThan(1200)
  })

  it.each([0, 1, 12, 20, 40, 100])('refuses a reply that ends after %i bytes of its results', length => {
    const whole = data(Buffer.alloc(50), stat(1n, 2n, 0))
    expect(() => readNodes(Buffer.concat([HEADER, whole.subarray(0, length)]), 1)).toThrow(RangeError)
  })
})

describe('readMulti', () => {
  it('reads the versions after each operation', () => {
    const reply = Buffer.concat([
      HEADER,
      result(Op.create, text('/a')),
      result(Op.setData, stat(1n, 2n, 7)),
      result(Op.delete),
      result(Op.check),
    ])
    expect([...(readMulti(reply, 4) as Int32Array)]).toEqual([0, 7, -1, -1])
  })

  it('finds the operation that failed', () => {
    const errors = [0, 0, -103, -2].map(code => result(Op.error, int(code)))
    expect(readMulti(Buffer.concat([HEADER, ...errors]), 4)).toEqual({ failed: 2, error: -103 })
  })

  it('refuses what was not asked for, or is cut short', () => {
    expect(() => readMulti(Buffer.concat([HEADER, result(99, int(0))]), 1)).toThrow(RangeError)
    expect(() => readMulti(Buffer.concat([HEADER, result(Op.create, int(100))]), 1)).toThrow(RangeError)
  })
})

describe('readListings and readEventPath', () => {
  it('read names, errors and paths', () => {
    const names = ['a', 'é', '日本', '']
    const listing = (...body: Buffer[]) => result(Op.getChildren, ...body)
    const reply = Buffer.concat([
      HEADER,
      listing(int(names.length), ...names.map(text)),
      result(Op.error, int(-101)),
      listing(int(-1)),
    ])
    expect(readListings(reply, 3)).toEqual([names, -101, []])
    expect(() => readListings(Buffer.concat([HEADER, listing(int(2), text('a'))]), 1)).toThrow(RangeError)
    expect(() => readListings(Buffer.concat([HEADER, result(Op.getData, int(0))]), 1)).toThrow(RangeError)
    expect(readEventPath(Buffer.concat([HEADER, int(3, 3), text('/root/é')]))).toBe('/root/é')
  })
})
