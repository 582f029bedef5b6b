import { expect, test } from 'vitest'
import { json, MemoryEngine, memoryStore } from '../../src/index.ts'
import { all, fails, one } from '../../src/testing/contract/assertions.ts'
import { enginesOf, memoriesOf, storeOver } from './memories.ts'

const stringLength = { name: 'length', of: (key: string) => String(key.length) }

test('another number, order or hash is refused by everything, with both named', async () => {
  const [a, b, c] = memoriesOf(3) as [never, never, never]
  await using store = storeOver(enginesOf([a, b]))
  await Promise.all(['a', 'b', 'c', 'd'].map(key => one(store.put$(key, 1))))
  const others = {
    'shard 0 of 3': storeOver(enginesOf([a, b, c])),
    'shard 0 of 1': storeOver(enginesOf([a])),
    'shard 1 of 2': storeOver(enginesOf([b, a])),
    'murmur3 length': storeOver(enginesOf([a, b]), { shardBy: stringLength }),
  }
  for (const [what, other] of Object.entries(others)) {
    for (const answer$ of [
      other.get$('a'),
      other.put$('a', 2),
      other.delete$('a'),
      other.update$('a', () => 2),
      other.transact$([{ type: 'check', key: 'a', ifVersion: 0 }]),
      other.keys$(),
      other.changes$(),
      other.watch$('a'),
    ]) {
      const { message } = await fails(answer$, 'INVALID_ARGUMENT')
      expect(message).toContain(what)
      expect(message).toMatch(
        /holds the keys of shard \d of 2 by murmur3 tag, this store was opened with it as/,
      )
    }
    await other.close()
  }
  expect(await one(store.get$('a'))).toBe(1)
})

test('a root that appears later, laid out otherwise, is noticed by reads and writes', async () => {
  const memories = memoriesOf(2)
  await using early = storeOver(enginesOf(memories))
  expect(await one(early.get$('a'))).toBeUndefined()
  expect(await all(early.keys$())).toEqual([])
  await using other = storeOver(enginesOf(memories.toReversed()))
  await Promise.all(['a', 'b', 'c', 'd'].map(key => one(other.put$(key, 1))))
  await fails(early.get$('a'), 'INVALID_ARGUMENT')
  await fails(early.keys$(), 'INVALID_ARGUMENT')
  await fails(early.put$('a', 2), 'INVALID_ARGUMENT')
  expect(await one(other.get$('a'))).toBe(1)
})

test('a root that was removed and made otherwise is noticed; one made the same again is taken', async () => {
  const memories = memoriesOf(2)
  await using store = storeOver(enginesOf(memories))
  await Promise.all(['a', 'b', 'c', 'd'].map(key => one(store.put$(key, 1))))
  const wipe = () => {
    for (const memory of memories) {
      const [keys, parents] = [
        [...memory.entries.keys()],
        new Set([...memory.nodes.keys()].map(node => node.replace(/\/[^/]*$/, ''))),
      ]
      memory.entries.clear()
      memory.nodes.clear()
      memory.signal(keys, parents)
    }
  }
  wipe()
  {
    await using other = storeOver(enginesOf(memories))
    await Promise.all(['a', 'b', 'c', 'd'].map(key => one(other.put$(key, 2))))
  }
  expect(await one(store.get$('a'))).toBe(2)
  wipe()
  await using reversed = storeOver(enginesOf(memories.toReversed()))
  await Promise.all(['a', 'b', 'c', 'd'].map(key => one(reversed.put$(key, 3))))
  await fails(store.get$('a'), 'INVALID_ARGUMENT')
  await fails(store.put$('b', 4), 'INVALID_ARGUMENT')
})

test('keys that a store of its own has written are not taken for a shard', async () => {
  const [a, b] = memoriesOf(2) as [never, never]
  await using plain = memoryStore({ value: json<number>(), memory: a })
  await one(plain.put$('a', 1))
  await using store = storeOver(enginesOf([a, b]))
  expect((await fails(store.keys$(), 'INVALID_ARGUMENT')).message).toContain('written by a store of its own')
  expect(await one(plain.get$('a'))).toBe(1)
})

test('shards of two stores are not taken for those of one', async () => {
  const [a, b, c, d] = memoriesOf(4) as [never, never, never, never]
  const keys = ['a', 'b', 'c', 'd']
  for (const memories of [
    [a, b],
    [c, d],
  ]) {
    await using store = storeOver(enginesOf(memories))
    await Promise.all(keys.map(key => one(store.put$(key, 1))))
  }
  await using mixed = storeOver(enginesOf([a, d]), { names: ['first', 'second'] })
  const results = await Promise.allSettled(keys.map(key => one(mixed.put$(key, 2))))
  const reasons = results.flatMap(result => (result.status === 'rejected' ? [result.reason] : []))
  expect(reasons.length).toBeGreaterThan(0)
  expect(reasons[0]).toMatchObject({ code: 'INVALID_ARGUMENT' })
  expect(reasons[0].message).toMatch(/(first|second) and (first|second) hold keys of different stores/)
})

test('what cannot be a shard is refused at once', () => {
  const [memory] = memoriesOf(1)
  const without = new (class extends MemoryEngine {
    override readonly nodes = undefined as never
  })(memory!)
  expect(() => storeOver([without])).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }))
  expect(() => storeOver([])).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  const shardBy = { name: '', of: String }
  expect(() => storeOver(enginesOf([memory!]), { shardBy })).toThrow(/`shardBy`/)
})
