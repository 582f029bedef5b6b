import fc from 'fast-check'
import { delay, from, lastValueFrom, map, merge, of, pipe, toArray } from 'rxjs'
import { describe, expect, test } from 'vitest'
import {
  type DeadLetter,
  type HistoryOptions,
  historyKV,
  json,
  type KVStore,
  Memory,
  memoryStore,
  zookeeperStore,
} from '../../src/index.ts'
import { lmdbStore } from '../../src/lmdb.ts'
import { temporaryFolder } from '../lmdb/temporary.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { failureOf, operatorCases, virtually } from './cases.ts'
import { type Hook, hookedStore } from './engines.ts'
import { word } from './process.ts'
import { arriving, delays, pace, slowStore } from './schedules.ts'

/** A record `a12` is one of the key `a` at 12. */
const keyOf = (record: string): string => record[0]!
const timeOf = (record: string): number => Number(record.slice(1))

const value = json<readonly string[]>()
const texts = (): KVStore<readonly string[]> => memoryStore({ value })

/** The histories after each of the records. */
const histories = (
  records: string,
  options: HistoryOptions<string>,
  store: KVStore<readonly string[]> = texts(),
): Promise<string[]> =>
  lastValueFrom(
    from(records.split(' ')).pipe(
      historyKV(store, keyOf, options),
      map(([, history]) => history.join(' ')),
      toArray(),
    ),
  )

describe('historyKV', () => {
  operatorCases({
    make: (store, { concurrency } = {}) =>
      pipe(
        historyKV(store as unknown as KVStore<readonly string[]>, word, { keep: 3, commitSize: concurrency }),
        map(([record]) => record),
      ),
    makeThrowing: store =>
      pipe(
        historyKV(store as unknown as KVStore<readonly string[]>, word, {
          sizeOf: record => {
            if (record === 'x') throw new Error('boom')
            return 1
          },
        }),
        map(([record]) => record),
      ),
    calls: 2,
    held: concurrency => 2 * concurrency,
    eachForItself: false,
  })

  test('by count: the newest records of each key, the oldest first', async () => {
    const store = texts()
    expect(await histories('a1 a2 b1 a3', { keep: 2 }, store)).toEqual(['a1', 'a1 a2', 'b1', 'a2 a3'])
    expect(await histories('a4', { keep: 2 }, store)).toEqual(['a3 a4'])
    expect(await lastValueFrom(store.get$('a'))).toEqual(['a3', 'a4'])
  })

  test('by age: none older than the newest by more, in the order of their times', async () => {
    const records = 'a10 a20 a13 a21 a10 a12 a26'
    expect(await histories(records, { age: 10, timeOf })).toEqual([
      'a10',
      'a10 a20',
      'a10 a13 a20',
      'a13 a20 a21',
      'a13 a20 a21',
      'a12 a13 a20 a21',
      'a20 a21 a26',
    ])
    const dates = (record: string) => new Date(timeOf(record))
    expect((await histories(records, { age: 0, timeOf: dates })).at(-1)).toBe('a26')
  })

  test('records of the same time are in the order in which they came', async () => {
    const store = memoryStore({ value: json<readonly { at: number; n: number }[]>() })
    const result$ = from([5, 7, 5, 7, 5]).pipe(
      map((at, n) => ({ at, n })),
      historyKV(store, () => 'a', { timeOf: ({ at }) => at }),
      map(([, history]) => history.map(({ n }) => n)),
    )
    expect(await lastValueFrom(result$)).toEqual([0, 2, 4, 1, 3])
  })

  test('by bytes: no value is larger, whatever the records', async () => {
    const memory = new Memory()
    const store = memoryStore({ value: json<readonly unknown[]>(), memory })
    const records = ['é', '"', 12.5, null, { a: ['\n'] }, 'x'.repeat(95), undefined, 'x'.repeat(40), '']
    let largest = 0
    const result$ = from(records).pipe(
      historyKV(store, () => 'a', { bytes: 100, commitSize: 1 }),
      map(([, history]) => {
        largest = Math.max(largest, memory.entries.get('a')!.value.length)
        return history.length
      }),
      toArray(),
    )
    expect(await lastValueFrom(result$)).toEqual([1, 2, 3, 4, 5, 1, 1, 2, 3])
    expect(largest).toBeGreaterThan(90)
    expect(largest).toBeLessThanOrEqual(100)
  })

  test('without any bound given, a history fits into a znode', async () => {
    await using store = zookeeperStore({ value, servers, root: freshRoot('history') })
    const long = 'a'.repeat(100_000)
    const result$ = from(Array.from({ length: 15 }, (_, i) => `a${i}${long}`)).pipe(
      historyKV(store, keyOf),
      map(([, history]) => history.length),
      toArray(),
    )
    expect(await lastValueFrom(result$)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9, 9, 9, 9])
    expect((await lastValueFrom(store.get$('a')))?.length).toBe(9)
  })

  test('sizes are what `sizeOf` says', async () => {
    const sizeOf = timeOf
    expect(await histories('a3 a4 a5 a9 a1 a10', { bytes: 10, sizeOf })).toEqual([
      'a3',
      'a3 a4',
      'a4 a5',
      'a9',
      'a9 a1',
      'a10',
    ])
  })

  test('records that are read back are measured as those that come', async () => {
    const store = memoryStore({ value: json<readonly { name: string }[]>() })
    const add = (name: string) =>
      lastValueFrom(
        of({ name }).pipe(
          historyKV(store, () => 'a', { bytes: 40 }),
          map(([, history]) => history.map(({ name }) => name).join('')),
        ),
      )
    expect([await add('x'), await add('y'), await add('z')]).toEqual(['x', 'xy', 'yz'])
  })

  test('is emitted once the write is durable', () => {
    virtually(scheduler => {
      const slow: Hook = ({ name }, answer$) => (name === 'commit' ? answer$.pipe(delay(3)) : answer$)
      const store = hookedStore({ value, scheduler }, slow)
      const source$ = scheduler.createColdObservable('a---(bc|)')
      const result$ = source$.pipe(
        historyKV(store, () => 'key', { keep: 2 }),
        map(([record, history]) => `${record}: ${history.join('')}`),
      )
      const expected = { a: 'a: a', b: 'b: ab', c: 'c: bc' }
      scheduler.expectObservable(result$).toBe('---a---(bc|)', expected)
    })
  })

  describe('what is wrong', () => {
    const boom = (): never => {
      throw new Error('boom')
    }

    test('a record that is too large by itself: VALUE_TOO_LARGE, after the outputs of the records before', async () => {
      const result$ = of('a1', 'a22', 'a3').pipe(historyKV(texts(), keyOf, { bytes: 6 }))
      const { error, outputs } = await failureOf(result$)
      expect(outputs).toEqual([['a1', ['a1']]])
      expect(error).toMatchObject({ code: 'VALUE_TOO_LARGE', key: 'a' })
      expect(error.message).toBe('the record takes 7 bytes, and a history `bytes` = 6 at most')
    })

    test('so is one whose size is no number', async () => {
      const { error } = await failureOf(
        of('a1').pipe(historyKV(texts(), keyOf, { sizeOf: () => Number.NaN })),
      )
      expect(error.code).toBe('VALUE_TOO_LARGE')
    })

    test('a dead letter leaves no trace', async () => {
      const letters: unknown[] = []
      const deadLetter = ({ error, record }: DeadLetter<string>) => letters.push([error.code, record])
      const options = { bytes: 12, timeOf, deadLetter }
      expect(await histories('a1 a22222222222 ax a3', options)).toEqual(['a1', 'a1 a3'])
      expect(letters).toEqual([
        ['VALUE_TOO_LARGE', 'a22222222222'],
        ['CALLBACK', 'ax'],
      ])
    })

    test.each(['timeOf', 'sizeOf'])('`%s` throws: CALLBACK', async name => {
      const { error } = await failureOf(of('a1').pipe(historyKV(texts(), keyOf, { [name]: boom })))
      expect(error).toMatchObject({ code: 'CALLBACK', key: 'a', message: `\`${name}\` threw: boom` })
    })

    test.each([
      [{ keep: 0 }, /`keep` must be a whole number from 1 .* got 0/],
      [{ bytes: 0.5 }, /`bytes` must be a whole number from 1 .* got 0.5/],
      [{ age: -1, timeOf }, /`age` must be a whole number from 0 .* got -1/],
      [{ age: 7 }, /an `age` of 7 needs `timeOf`/],
    ])('refuses %j', (options, message) => {
      expect(() => historyKV(texts(), keyOf, options)).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) }),
      )
    })
  })

  /** What is kept of records that came in this order: all of them, sorted, without what is beyond the bounds. */
  const kept = (all: readonly string[], count: number, age: number, bytes: number): readonly string[] => {
    let history: readonly string[] = []
    for (const record of all) {
      const sorted = [...history, record].sort((a, b) => timeOf(a) - timeOf(b))
      const newest = timeOf(sorted.at(-1)!)
      const sizes = sorted.map(other => other.length)
      history = sorted.filter(
        (other, i) =>
          i >= sorted.length - count &&
          newest - timeOf(other) <= age &&
          sizes.slice(i).reduce((sum, size) => sum + size) <= bytes,
      )
    }
    return history
  }

  test('whatever the schedule, it is what a naive model keeps', () => {
    const records = fc.array(
      fc.tuple(fc.constantFrom('a', 'b'), fc.nat(120)).map(([key, at]) => `${key}${at}`),
      { maxLength: 30 },
    )
    const bounds = fc.record({
      keep: fc.integer({ min: 1, max: 8 }),
      age: fc.nat(80),
      bytes: fc.integer({ min: 4, max: 20 }),
    })
    fc.assert(
      fc.property(records, delays, pace, bounds, (all, gaps, pace, bounds) => {
        virtually(scheduler => {
          const store = slowStore(pace, new Memory(), scheduler) as unknown as KVStore<readonly string[]>
          const results: unknown[] = []
          arriving(all, gaps)
            .pipe(historyKV(store, keyOf, { ...bounds, timeOf, sizeOf: ({ length }) => length }))
            .subscribe(result => results.push(result))
          scheduler.flush()
          const { keep, age, bytes } = bounds
          const model = all.map((record, i) => {
            const same = all.slice(0, i + 1).filter(other => keyOf(other) === keyOf(record))
            return [record, kept(same, keep, age, bytes)]
          })
          expect(results).toEqual(model)
        })
      }),
      { numRuns: 500 },
    )
  })

  describe('on real stores, two pipelines at once', () => {
    const stores: Record<string, () => () => KVStore<readonly string[]>> = {
      'lmdb:': () => {
        const path = temporaryFolder()
        return () => lmdbStore({ value, path })
      },
      'zookeeper:': () => {
        const root = freshRoot('history')
        return () => zookeeperStore({ value, servers, root })
      },
    }

    test.each(Object.keys(stores))('%s', async name => {
      const open = stores[name]!()
      await using one = open()
      await using other = open()
      const records = Array.from({ length: 300 }, (_, i) => `${'abc'[i % 3]}${i}`)
      const half = (store: KVStore<readonly string[]>, parity: number) =>
        from(records.filter((_, i) => i % 2 === parity)).pipe(
          historyKV(store, keyOf, { timeOf, keep: 20, commitSize: 30 }),
        )
      await lastValueFrom(merge(half(one, 0), half(other, 1)))
      for (const key of 'abc') {
        const newest = records.filter(record => keyOf(record) === key).slice(-20)
        expect(await lastValueFrom(one.get$(key))).toEqual(newest)
      }
    })
  })
})
