import { randomBytes } from 'node:crypto'
import { firstValueFrom, from, lastValueFrom, take, timer, toArray } from 'rxjs'
import {
  bytes,
  encrypted,
  json,
  type KeyMaterial,
  type Keyring,
  type KVStore,
  Memory,
  memoryStore,
  openKeyring,
  processKV,
  text,
} from 'rxkeeper'
import { afterEach, describe, expect, test, vi } from 'vitest'

const k1 = randomBytes(32)
const k2 = randomBytes(32)

afterEach(() => void vi.useRealTimers())

/** A service that has keys, and tells which it was asked for. */
function service(keys: Record<string, KeyMaterial | Promise<KeyMaterial> | (() => Promise<never>)>) {
  const asked: string[] = []
  return {
    asked,
    key: (id: string) => {
      asked.push(id)
      const key = keys[id]
      return typeof key === 'function' ? key() : key
    },
  }
}

describe('a keyring', () => {
  test('is open when its current key is there, and asks for no other', async () => {
    const { key, asked } = service({ k1: Promise.resolve(k1), k2 })
    const keyring = await openKeyring({ current: 'k1', key })
    expect([keyring.current, asked]).toEqual(['k1', ['k1']])
    await keyring.use('k2')
    await keyring.use('k1')
    expect([keyring.current, asked]).toEqual(['k1', ['k1', 'k2']])
  })

  test.each([
    ['INVALID_ARGUMENT', {}, 'there is no key "k1"'],
    ['INVALID_ARGUMENT', { k1: Buffer.alloc(16) }, 'the key "k1" must be 32 bytes'],
    [
      'CALLBACK',
      { k1: () => Promise.reject(new Error('no access')) },
      'the key "k1" could not be had: no access',
    ],
  ])('is %s where it is not', async (code, keys, message) => {
    await expect(openKeyring({ current: 'k1', ...service(keys) })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    })
  })

  test('has one that does not come for no longer than ten seconds', async () => {
    vi.useFakeTimers()
    const opened = openKeyring({ current: 'k1', key: () => new Promise(() => {}) })
    const refused = expect(opened).rejects.toMatchObject({
      code: 'CALLBACK',
      message: 'the key "k1" could not be had: it did not come within 10000 ms',
    })
    await vi.advanceTimersByTimeAsync(10_000)
    await refused
  })

  test('does not let go of the current key; of another, for good', async () => {
    const keyring = await openKeyring({ current: 'k1', ...service({ k1, k2 }) })
    const codec = encrypted(text, keyring)
    const sealed = codec.encode('x', 'a')
    expect(() => keyring.refuse('k1')).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    await keyring.use('k2')
    expect(codec.decode(sealed, 'a')).toBe('x')
    keyring.refuse('k1')
    expect(() => codec.decode(sealed, 'a')).toThrow('under the key "k1", which is refused')
    expect(codec.prepare!(sealed, 'a')).toBeUndefined()
    await expect(keyring.use('k1')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  test('asks again for what failed, but not at once, and not for everything that anybody writes', async () => {
    vi.useFakeTimers()
    const keys: Record<string, Buffer> = { k1 }
    const asked: string[] = []
    const key = async (id: string) => {
      asked.push(id)
      return keys[id]
    }
    const reader = encrypted(text, await openKeyring({ current: 'k1', key }))
    const sealed = encrypted(text, { keys: { k2 }, current: 'k2' }).encode('x', 'a')
    await reader.prepare!(sealed, 'a')
    expect(() => reader.decode(sealed, 'a')).toThrow('"k2", which cannot be used: there is no key "k2"')
    expect(reader.prepare!(sealed, 'a')).toBeUndefined()
    keys.k2 = k2
    await vi.advanceTimersByTimeAsync(5_000)
    await reader.prepare!(sealed, 'a')
    expect(reader.decode(sealed, 'a')).toBe('x')
    expect(asked).toEqual(['k1', 'k2', 'k2'])
    const strange = Array.from({ length: 100 }, (_, i) =>
      encrypted(text, { keys: { [`x${i}`]: k2 }, current: `x${i}` }).encode('x', 'a'),
    )
    expect(strange.filter(each => reader.prepare!(each, 'a') !== undefined)).toHaveLength(8)
  })
})

describe('a key that another process has begun to use', () => {
  /** A store whose values are under k2, which this keyring has not met yet. */
  async function rotatedElsewhere(key: (id: string) => ReturnType<typeof later>, cache = 0) {
    const memory = new Memory()
    const keyring = await openKeyring({ current: 'k1', key: id => (id === 'k1' ? k1 : key(id)) })
    const other = memoryStore({
      value: encrypted(json<number>(), { keys: { k1, k2 }, current: 'k2' }),
      memory,
    })
    const store = memoryStore({ value: encrypted(json<number>(), keyring), memory, cache })
    await firstValueFrom(other.putAll$([['a', 1], ['b', 2]])) // biome-ignore format: pairs
    return { store, other, memory, keyring }
  }
  const later = async (): Promise<KeyMaterial | undefined> => {
    await firstValueFrom(timer(20))
    return k2
  }

  test.each<[string, (store: KVStore<number>) => Promise<unknown>, unknown]>([
    ['get$', store => firstValueFrom(store.get$('a')), 1],
    ['getAll$', store => firstValueFrom(store.getAll$(['a', 'b'])), new Map([['a', 1], ['b', 2]])], // biome-ignore format: pairs
    [
      'update$',
      store => firstValueFrom(store.update$('a', (n = 0) => n + 1)),
      { key: 'a', value: 2, version: 1 },
    ],
    ['watch$', store => firstValueFrom(store.watch$('a')), 1],
    ['entries$', store => lastValueFrom(store.entries$().pipe(toArray())), [{ key: 'a', value: 1, version: 0 }, { key: 'b', value: 2, version: 0 }]], // biome-ignore format: entries
    ['changes$', store => lastValueFrom(store.changes$().pipe(take(3), toArray())), [{ type: 'put', key: 'a', value: 1, version: 0 }, { type: 'put', key: 'b', value: 2, version: 0 }, { type: 'synced' }]], // biome-ignore format: changes
    ['processKV', store => lastValueFrom(from(['a', 'a']).pipe(processKV(store, key => key, (_, n = 0) => n + 1))), ['a', 3]], // biome-ignore format: a loop
  ])('%s waits for it', async (_, ask, expected) => {
    for (const cache of [0, 10]) {
      const { store, other } = await rotatedElsewhere(later, cache)
      expect(await ask(store)).toEqual(expected)
      await store.close()
      await other.close()
    }
  })

  test('is waited for no longer than the operation has, and CODEC names it where it does not come', async () => {
    const { store, memory } = await rotatedElsewhere(() => new Promise(() => {}))
    await expect(firstValueFrom(store.get$('a', { timeout: 50 }))).rejects.toMatchObject({
      code: expect.stringMatching(/^CODEC$|^TIMEOUT$/),
    })
    await store.close()
    const keyring = await openKeyring({ current: 'k1', ...service({ k1, k2: () => Promise.reject(new Error('denied')) }) }) // biome-ignore format: a service
    await using refused = memoryStore({ value: encrypted(json<number>(), keyring), memory })
    await expect(firstValueFrom(refused.get$('a'))).rejects.toMatchObject({
      code: 'CODEC',
      key: 'a',
      message: expect.stringMatching(/"k2", which cannot be used: the key "k2" could not be had: denied$/),
    })
  })

  test('does not keep a cache from what was written meanwhile', async () => {
    let arrive = (_: KeyMaterial): void => {}
    const { store, other } = await rotatedElsewhere(() => new Promise(resolve => (arrive = resolve)), 10) // biome-ignore format: a key that comes when it is told to
    // Arms the cache's watch.
    await firstValueFrom(store.get$('absent'))
    const reading = firstValueFrom(store.get$('a'))
    await firstValueFrom(timer(5))
    await firstValueFrom(other.put$('a', 7))
    arrive(k2)
    await reading
    expect(await firstValueFrom(store.get$('a'))).toBe(7)
    await store.close()
    await other.close()
  })
})

test('a keyring is asked for keys by whoever reads, also where the values are bytes', async () => {
  const keyring: Keyring = await openKeyring({ current: 'k1', key: () => k1 })
  await using store = memoryStore({ value: encrypted(bytes, keyring) })
  await firstValueFrom(store.put$('a', Buffer.from([1, 2])))
  expect([...(await firstValueFrom(store.get$('a')))!]).toEqual([1, 2])
})
