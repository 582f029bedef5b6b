import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { firstValueFrom, from, lastValueFrom, tap, toArray } from 'rxjs'
import {
  bytes,
  type Codec,
  encrypted,
  json,
  Memory,
  memoryStore,
  type RotateProgress,
  rotate$,
  text,
  updateKV,
  versioned,
} from 'rxkeeper'
import { describe, expect, test } from 'vitest'
import { headerOf, withHeader } from '../../src/store/header.ts'
import { writeElsewhere } from '../operators/engines.ts'

const keys = { k1: randomBytes(32), k2: randomBytes(32) }
const under = (current: 'k1' | 'k2'): Codec<number> => encrypted(json<number>(), { keys, current })
/** What is left when the old key is gone. */
const afterwards = encrypted(json<number>(), { keys: { k2: keys.k2 }, current: 'k2' })

const opened = <V>(memory: Memory, value: Codec<V>) => memoryStore({ value, memory })

/** Writes so many values. */
async function fill(memory: Memory, value: Codec<number>, count: number): Promise<void> {
  await using store = opened(memory, value)
  await firstValueFrom(store.putAll$(Array.from({ length: count }, (_, i) => [`key ${i}`, i])))
}

/** All values, as they are read without the old key. */
async function contentOf(memory: Memory): Promise<number[]> {
  await using store = opened(memory, afterwards)
  return lastValueFrom(store.entries$().pipe(toArray())).then(entries =>
    entries.map(({ value }) => value).sort((a, b) => a - b),
  )
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

const rotated = async <V>(store: Parameters<typeof rotate$<V>>[0]): Promise<RotateProgress> =>
  lastValueFrom(rotate$(store))

test('all values are under the current key afterwards, and the old one is not needed', async () => {
  const memory = new Memory()
  await fill(memory, under('k1'), 3_000)
  await expect(contentOf(memory)).rejects.toMatchObject({
    code: 'CODEC',
    message: expect.stringContaining('"k1"'),
  })
  await using store = opened(memory, under('k2'))
  const progress = await lastValueFrom(rotate$(store).pipe(toArray()))
  expect(progress.at(-1)).toEqual({
    pass: 2,
    seen: 3_000,
    rotated: 3_000,
    overtaken: 0,
    key: 'key 999',
    done: true,
  })
  expect(progress.filter(({ done }) => done)).toHaveLength(1)
  expect(await contentOf(memory)).toEqual(numbers(3_000))
  expect(await rotated(store)).toMatchObject({ pass: 1, rotated: 0, done: true })
})

test('an empty store is done', async () => {
  await using store = opened(new Memory(), under('k1'))
  expect(await rotated(store)).toMatchObject({ pass: 1, seen: 0, done: true })
})

test('where it was stopped, the next one goes on', async () => {
  const memory = new Memory()
  await fill(memory, under('k1'), 3_000)
  await using store = opened(memory, under('k2'))
  const first = await firstValueFrom(rotate$(store))
  expect(first.rotated).toBeGreaterThan(0)
  expect(first.rotated).toBeLessThan(3_000)
  const { rotated: rest, done } = await rotated(store)
  expect([done, rest]).toEqual([true, 3_000 - first.rotated])
  expect(await contentOf(memory)).toEqual(numbers(3_000))
})

test('a store that was not encrypted becomes it', async () => {
  const memory = new Memory()
  await fill(memory, json<number>(), 10)
  await using store = opened(
    memory,
    encrypted(json<number>(), { keys, current: 'k2' }, { plaintext: 'accept' }),
  )
  expect(await rotated(store)).toMatchObject({ rotated: 10, done: true })
  expect(await contentOf(memory)).toEqual(numbers(10))
})

test('old versions become the newest, and not again', async () => {
  const memory = new Memory()
  const first = versioned(json<number>())
  await fill(memory, first, 10)
  await using store = opened(
    memory,
    first.next(text, count => `${count}!`),
  )
  expect(await rotated(store)).toMatchObject({ pass: 2, rotated: 10, done: true })
  expect(await rotated(store)).toMatchObject({ pass: 1, rotated: 0, done: true })
  await using raw = opened(memory, bytes)
  expect(
    Buffer.from((await firstValueFrom(raw.get$('key 1')))!)
      .subarray(6)
      .toString(),
  ).toBe('1!')
})

test('a value keeps the header that it has', async () => {
  const memory = new Memory()
  await using raw = opened(memory, bytes)
  const header = { expires: 1e15, timers: new Map([['remind', 2e15]]) }
  await firstValueFrom(raw.put$('a', Buffer.from('x')))
  const entry = memory.entries.get('a')!
  memory.entries.set('a', { ...entry, value: withHeader(header, under('k1').encode(7, 'a')) })
  await using store = opened(memory, under('k2'))
  expect(await rotated(store)).toMatchObject({ rotated: 1, done: true })
  expect(headerOf(memory.entries.get('a')!.value)).toEqual(header)
  expect(await contentOf(memory)).toEqual([7])
})

test('versions stay as they are where nothing is old: who watches sees nothing', async () => {
  const memory = new Memory()
  await fill(memory, under('k2'), 10)
  await using store = opened(memory, under('k2'))
  await rotated(store)
  expect(await firstValueFrom(store.entry$('key 1'))).toMatchObject({ version: 0 })
})

test('what cannot be read is left, all else is written, and it is told', async () => {
  const memory = new Memory()
  await fill(memory, under('k1'), 10)
  await using raw = opened(memory, bytes)
  const strange = Buffer.from('strange')
  await firstValueFrom(raw.putAll$([['key 3', strange], ['key 5', strange]])) // biome-ignore format: pairs
  await using store = opened(memory, under('k2'))
  await expect(rotated(store)).rejects.toMatchObject({
    code: 'CODEC',
    key: 'key 3',
    message: expect.stringMatching(
      /^not all could be written anew: .*"key 3".*it is not encrypted, and 1 more$/,
    ),
  })
  expect(Buffer.from((await firstValueFrom(raw.get$('key 3')))!).toString()).toBe('strange')
  await firstValueFrom(store.deleteAll$(['key 3', 'key 5']))
  expect(await rotated(store)).toMatchObject({ pass: 1, rotated: 0, done: true })
})

test('a program that still writes in the old form is seen, until it does not', async () => {
  const memory = new Memory()
  await fill(memory, under('k1'), 3)
  await using store = opened(memory, under('k2'))
  let written = false
  const last = await lastValueFrom(
    rotate$(store).pipe(
      tap(progress => {
        if (progress.pass > 1 || progress.seen < 3 || written) return
        written = true
        writeElsewhere(memory, under('k1'), 'late', 7)
      }),
    ),
  )
  expect(last).toMatchObject({ pass: 3, done: true })
  expect(await contentOf(memory)).toEqual([0, 1, 2, 7])
})

describe('under concurrent writers', () => {
  test('no update is lost', async () => {
    const memory = new Memory()
    await fill(memory, under('k1'), 100)
    await using store = opened(memory, under('k2'))
    await using one = opened(memory, under('k2'))
    await using other = opened(memory, under('k2'))
    const increments = (writer: typeof one) =>
      lastValueFrom(from(numbers(2_000)).pipe(updateKV(writer, i => `key ${i % 100}`, (_, n = 0) => n + 1))) // biome-ignore format: a pipe
    const [last] = await Promise.all([rotated(store), increments(one), increments(other)])
    expect(last.done).toBe(true)
    expect(await contentOf(memory)).toEqual(numbers(100).map(i => i + 40))
  })

  test('whatever others do meanwhile, it comes to what that comes to', async () => {
    const operations = fc.array(
      fc.record({
        key: fc.constantFrom('a', 'b', 'c'),
        what: fc.constantFrom('put', 'update', 'delete'),
        value: fc.nat(100),
      }),
      { maxLength: 12 },
    )
    await fc.assert(
      fc.asyncProperty(operations, operations, async (before, during) => {
        const memory = new Memory()
        const model = new Map<string, number>()
        const deleted = new Set<string>()
        const carryOut = async (codec: Codec<number>, all: typeof before): Promise<void> => {
          await using store = opened(memory, codec)
          for (const { key, what, value } of all) {
            // Versions return: a key that is deleted is not created again.
            if (deleted.has(key)) continue
            if (what === 'delete') deleted.add(key)
            const old = model.get(key)
            if (what === 'put') await firstValueFrom(store.put$(key, value))
            else if (what === 'update') await firstValueFrom(store.update$(key, (n = 0) => n + value))
            else await firstValueFrom(store.delete$(key))
            if (what === 'delete') model.delete(key)
            else model.set(key, what === 'put' ? value : (old ?? 0) + value)
          }
        }
        await carryOut(under('k1'), before)
        await using store = opened(memory, under('k2'))
        const [last] = await Promise.all([rotated(store), carryOut(under('k2'), during)])
        expect(last.done).toBe(true)
        await using reader = opened(memory, afterwards)
        const entries = await lastValueFrom(reader.entries$().pipe(toArray()))
        expect(new Map(entries.map(({ key, value }) => [key, value]))).toEqual(
          new Map([...model].sort(([a], [b]) => (a < b ? -1 : 1))),
        )
      }),
      { numRuns: 200 },
    )
  })
})
