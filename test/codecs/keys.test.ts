import { firstValueFrom, from, lastValueFrom, type OperatorFunction, take, toArray } from 'rxjs'
import {
  type Codec,
  historyKV,
  json,
  type KVStore,
  lookupKV,
  Memory,
  memoryStore,
  processKV,
  type Sessions,
  sessionKV,
  updateKV,
  upsertKV,
  type Window,
  windowKV,
} from 'rxkeeper'
import { beforeEach, expect, test } from 'vitest'

/** Which keys a codec heard of: each value must be decoded under the key that it was encoded under. */
const keys = new Set<string>()

const telling = (): Codec<unknown> => ({
  encode: (value, key) => {
    keys.add(key)
    return json().encode([key, value])
  },
  decode: (bytes, key) => {
    const [written, value] = json<[string, unknown]>().decode(bytes)
    if (written !== key) throw new Error(`written under ${written}, read under ${key}`)
    return value
  },
  freeze: value => value,
})

const run = async <V>(
  work: (store: KVStore<V>) => Promise<unknown>,
  memory = new Memory(),
  cache = 0,
): Promise<void> => {
  await using store = memoryStore({ value: telling() as Codec<V>, memory, cache })
  await work(store)
}

beforeEach(() => keys.clear())

test.each([0, 10])('every method tells the codec the key (cache of %i)', async cache => {
  await run<number>(
    async store => {
      await firstValueFrom(store.put$('a', 1))
      await firstValueFrom(store.putAll$([['b', 2]]))
      await firstValueFrom(store.transact$([{ type: 'put', key: 'c', value: 3 }]))
      await firstValueFrom(store.update$('d', (before = 3) => before + 1))
      await firstValueFrom(store.update$('d', (before = 0) => before + 1))
      expect(await firstValueFrom(store.get$('a'))).toBe(1)
      expect(await firstValueFrom(store.get$('a'))).toBe(1)
      expect([...(await firstValueFrom(store.getAll$(['a', 'b', 'c', 'd']))).values()]).toEqual([1, 2, 3, 5])
      expect(await firstValueFrom(store.entry$('b'))).toMatchObject({ value: 2 })
      expect(await lastValueFrom(store.entries$().pipe(toArray()))).toHaveLength(4)
      expect(await firstValueFrom(store.watch$('c'))).toBe(3)
      expect(await lastValueFrom(store.changes$().pipe(take(5), toArray()))).toHaveLength(5)
    },
    undefined,
    cache,
  )
  expect([...keys].sort()).toEqual(['a', 'b', 'c', 'd'])
})

const count = (_: number, before = 0): number => before + 1
const timeOf = (at: number): number => at

/** Runs records through an operator on a store of its own. */
const through = <V>(operator: (store: KVStore<V>) => OperatorFunction<number, unknown>): Promise<void> =>
  run<V>(store => lastValueFrom(from([1, 11, 2]).pipe(operator(store))))

test('every operator does, also under the keys that it makes itself', async () => {
  await through<number>(store => upsertKV(store, at => ['upserted', at]))
  await through<number>(store => lookupKV(store, () => 'absent'))
  await through<number>(store => updateKV(store, () => 'updated', count))
  await through<number>(store => processKV(store, () => 'processed', count))
  await through<Window<number>>(store => windowKV(store, () => 'windowed', count, { timeOf, size: 10 }))
  await through<Sessions<number>>(store =>
    sessionKV(store, () => 'session', count, { timeOf, gap: 5, merge: (a, b) => a + b }),
  )
  await through<readonly number[]>(store => historyKV(store, () => 'history', { keep: 2 }))
  expect([...keys].sort()).toMatchObject([
    'history',
    'processed',
    'session',
    'updated',
    'upserted',
    expect.stringContaining('windowed'),
    expect.stringContaining('windowed'),
  ])
})
