import { concatMap, delay, from, lastValueFrom, map, merge, of, pipe, toArray } from 'rxjs'
import { describe, expect, test } from 'vitest'
import {
  json,
  type KVError,
  type KVStore,
  Memory,
  memoryStore,
  type Sessions,
  type SessionUpdate,
  sessionKV,
  zookeeperStore,
} from '../../src/index.ts'
import { lmdbStore } from '../../src/lmdb.ts'
import { temporaryFolder } from '../lmdb/temporary.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { failureOf, operatorCases, virtually } from './cases.ts'
import { type Hook, hookedStore, logging } from './engines.ts'
import { increment, word } from './process.ts'
import { addId, type Click, type Ids, joinIds, sessionsOf, sorted, userOf } from './sessions.ts'

/** A record `a12` is one of the key `a` at 12. */
const keyOf = (record: string): string => record[0]!
const timeOf = (record: string): number => Number(record.slice(1))
const append = (record: string, value = ''): string => (value === '' ? record : `${value} ${record}`)
const join = (earlier: string, later: string): string => `${earlier} + ${later}`

const texts = (): KVStore<Sessions<string>> => memoryStore({ value: json<Sessions<string>>() })

const show = ({ start, end, value }: { start: number; end: number; value: string }): string =>
  `${start}-${end} ${value}`

/** `[0-5 a0 a5] was [0-0 a0] closed [...]`, or `late`. */
const showUpdate = (session: SessionUpdate<string> | undefined): string => {
  if (session === undefined) return 'late'
  const list = (name: string, sessions: Sessions<string>): string =>
    sessions.length === 0 ? '' : ` ${name} [${sessions.map(show).join(', ')}]`
  return `[${show(session)}]${list('was', session.replaces)}${list('closed', session.closed)}`
}

/** What comes of records, with a gap of 5. */
const outputs = (
  records: string,
  { store = texts(), grace = 0, keep = 1, concurrency = 8192 } = {},
): Promise<string[]> =>
  lastValueFrom(
    from(records.split(' ')).pipe(
      sessionKV(store, keyOf, append, { timeOf, gap: 5, grace, merge: join, keep, commitSize: concurrency }),
      map(([, session]) => showUpdate(session)),
      toArray(),
    ),
  )

const stored = async (store: KVStore<Sessions<string>>, key = 'a'): Promise<string[]> =>
  ((await lastValueFrom(store.get$(key))) ?? []).map(show)

describe('sessionKV', () => {
  operatorCases({
    make: (store, { concurrency } = {}) =>
      pipe(
        sessionKV(store as unknown as KVStore<Sessions<number>>, word, increment, {
          timeOf: () => 0,
          gap: 1,
          commitSize: concurrency,
        }),
        map(([record]) => record),
      ),
    makeThrowing: store =>
      pipe(
        sessionKV(
          store as unknown as KVStore<Sessions<number>>,
          word,
          (record: string) => {
            if (record === 'x') throw new Error('boom')
            return 1
          },
          { timeOf: () => 0, gap: 1 },
        ),
        map(([record]) => record),
      ),
    calls: 2,
    held: concurrency => 2 * concurrency,
    eachForItself: false,
  })

  describe('records in order', () => {
    test('a session goes on while the gap is not exceeded, then the next one closes it', async () => {
      expect(await outputs('a0 a5 a11 b11 a12')).toEqual([
        '[0-0 a0]',
        '[0-5 a0 a5] was [0-0 a0]',
        '[11-11 a11] closed [0-5 a0 a5]',
        '[11-11 b11]',
        '[11-12 a11 a12] was [11-11 a11]',
      ])
    })

    test('the sessions have their key, and their times in milliseconds where records have Dates', async () => {
      const store = memoryStore({ value: json<Sessions<number>>() })
      const result$ = of(1000, 2000, 9000).pipe(
        sessionKV(store, () => 'ann', increment, { timeOf: at => new Date(at), gap: 3000 }),
        toArray(),
      )
      const first = { key: 'ann', start: 1000, end: 1000, value: 1 }
      const both = { key: 'ann', start: 1000, end: 2000, value: 2 }
      const last = { key: 'ann', start: 9000, end: 9000, value: 1 }
      expect(await lastValueFrom(result$)).toEqual([
        [1000, { ...first, replaces: [], closed: [] }],
        [2000, { ...both, replaces: [first], closed: [] }],
        [9000, { ...last, replaces: [], closed: [both] }],
      ])
      expect(await lastValueFrom(store.get$('ann'))).toEqual([both, last])
    })

    test('goes on from what is stored', async () => {
      const store = texts()
      await outputs('a0 a3', { store })
      expect(await outputs('a7 a20', { store })).toEqual([
        '[0-7 a0 a3 a7] was [0-3 a0 a3]',
        '[20-20 a20] closed [0-7 a0 a3 a7]',
      ])
    })

    test.each([
      [1, ['20-20 a20', '30-30 a30']],
      [2, ['10-10 a10', '20-20 a20', '30-30 a30']],
      [9, ['0-0 a0', '10-10 a10', '20-20 a20', '30-30 a30']],
    ])('%d final ones stay in the store', async (keep, sessions) => {
      const store = texts()
      await outputs('a0 a10 a20 a30', { store, keep })
      expect(await stored(store)).toEqual(sessions)
    })
  })

  describe('records out of order', () => {
    test('join the session they belong to, and may move its start', async () => {
      expect(await outputs('a10 a7 a2 a9')).toEqual([
        '[10-10 a10]',
        '[7-10 a10 a7] was [10-10 a10]',
        '[2-10 a10 a7 a2] was [7-10 a10 a7]',
        '[2-10 a10 a7 a2 a9] was [2-10 a10 a7 a2]',
      ])
    })

    test('open an earlier session, join it, and make two sessions one', async () => {
      expect(await outputs('a20 a4 a12 a14 a8', { grace: 20 })).toEqual([
        '[20-20 a20]',
        '[4-4 a4]',
        '[12-12 a12]',
        '[12-14 a12 a14] was [12-12 a12]',
        '[4-14 a4 + a12 a14 a8] was [4-4 a4, 12-14 a12 a14]',
      ])
    })

    test('a session stays open until the newest record is past its end by gap and grace', async () => {
      expect(await outputs('a0 a15 a1 a16', { grace: 10 })).toEqual([
        '[0-0 a0]',
        '[15-15 a15]',
        '[0-1 a0 a1] was [0-0 a0]',
        '[15-16 a15 a16] was [15-15 a15]',
      ])
      expect((await outputs('a0 a15 a16 a1', { grace: 10 })).slice(2)).toEqual([
        '[15-16 a15 a16] was [15-15 a15] closed [0-0 a0]',
        'late',
      ])
    })

    test('several sessions may be closed at once', async () => {
      expect((await outputs('a0 a7 a40', { grace: 10 })).at(-1)).toBe('[40-40 a40] closed [0-0 a0, 7-7 a7]')
    })

    test('too late to open a session: told, and nothing is changed', async () => {
      const store = texts()
      expect(await outputs('a20 a14 a15', { store })).toEqual([
        '[20-20 a20]',
        'late',
        '[15-20 a20 a15] was [20-20 a20]',
      ])
      expect(await outputs('a14 a9', { store, grace: 1 })).toEqual([
        '[14-20 a20 a15 a14] was [15-20 a20 a15]',
        '[9-20 a20 a15 a14 a9] was [14-20 a20 a15 a14]',
      ])
    })

    test('too late for a final session, also where an open one is near', async () => {
      const store = texts()
      expect(await outputs('a0 a10 a4 a5 a6', { store })).toEqual([
        '[0-0 a0]',
        '[10-10 a10] closed [0-0 a0]',
        'late',
        'late',
        '[6-10 a10 a6] was [10-10 a10]',
      ])
      expect(await stored(store)).toEqual(['0-0 a0', '6-10 a10 a6'])
    })

    test('a record that is late is not written', async () => {
      const log: string[] = []
      const store = hookedStore({ value: json<Sessions<string>>() }, logging(log))
      await outputs('a20', { store })
      log.length = 0
      expect(await outputs('a1', { store })).toEqual(['late'])
      expect(log).toEqual(['read a'])
    })
  })

  test('is emitted once the write is durable', () => {
    virtually(scheduler => {
      const slow: Hook = ({ name }, answer$) => (name === 'commit' ? answer$.pipe(delay(3)) : answer$)
      const store = hookedStore({ value: json<Sessions<string>>(), scheduler }, slow)
      const records: Record<string, string> = { a: 'a0', b: 'b0', c: 'a9', d: 'a1' }
      const source$ = scheduler.createColdObservable('a---(bc)---d|', records)
      const result$ = source$.pipe(
        sessionKV(store, keyOf, append, { timeOf, gap: 5 }),
        map(([, session]) => showUpdate(session)),
      )
      scheduler.expectObservable(result$).toBe('---a---(bc)d|', {
        a: '[0-0 a0]',
        b: '[0-0 b0]',
        c: '[9-9 a9] closed [0-0 a0]',
        d: 'late',
      })
    })
  })

  describe('what is wrong', () => {
    const bad = (overrides: object): Promise<{ error: KVError; outputs: unknown[] }> =>
      failureOf(
        from(['a0', 'a9', 'a5']).pipe(
          sessionKV(texts(), keyOf, append, { timeOf, gap: 5, grace: 10, merge: join, ...overrides }),
        ),
      )
    const boom = (): never => {
      throw new Error('boom')
    }

    test.each([
      ['timeOf', { timeOf: boom }, 0, '`timeOf` threw: boom', { message: 'boom' }],
      ['merge', { merge: boom }, 2, '`merge` threw: boom', { message: 'boom' }],
      ['no time', { timeOf: () => Number.NaN }, 0, '`timeOf` threw: not a number of milliseconds', {}],
      ['no date', { timeOf: () => new Date('x') }, 0, 'Invalid Date', {}],
      ['text', { timeOf: () => '2001-01-01' }, 0, '2001-01-01', {}],
    ])('%s: CALLBACK, after the outputs of the records before', async (_, overrides, before, said, cause) => {
      const { error, outputs } = await bad(overrides)
      expect(outputs).toHaveLength(before)
      expect(error).toMatchObject({ code: 'CALLBACK', key: 'a', cause })
      expect(error.message).toContain(said)
    })

    test('a dead letter leaves no trace', async () => {
      const store = texts()
      const letters: unknown[] = []
      const result$ = from(['a0', 'ax', 'a2']).pipe(
        sessionKV(store, keyOf, append, {
          timeOf,
          gap: 5,
          deadLetter: ({ error: { code }, record }) => letters.push([code, record]),
        }),
      )
      await lastValueFrom(result$)
      expect(letters).toEqual([['CALLBACK', 'ax']])
      expect(await stored(store)).toEqual(['0-2 a0 a2'])
    })

    test.each([
      [{ gap: 0 }, /`gap` must be a whole number from 1 .* got 0/],
      [{ gap: undefined }, /`gap` must be .* got NaN/],
      [{ grace: -1 }, /`grace` must be a whole number from 0 .* got -1/],
      [{ grace: 7 }, /a `grace` of 7 needs `merge`/],
      [{ keep: 0 }, /`keep` must be a whole number from 1 .* got 0/],
    ])('refuses %j', (overrides, message) => {
      const options = { timeOf, gap: 5, ...overrides } as never
      expect(() => sessionKV(texts(), keyOf, append, options)).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) }),
      )
    })
  })

  test('further writes go with the commit', async () => {
    const store = memoryStore({ value: json<Sessions<string>>() })
    const result$ = of('a1', 'a2').pipe(
      sessionKV(store, keyOf, append, {
        timeOf,
        gap: 5,
        commitWith: records => [{ type: 'put', key: `seen ${records.length}`, value: [] }],
      }),
    )
    await lastValueFrom(result$)
    expect(await lastValueFrom(store.keys$().pipe(toArray()))).toEqual(['a', 'seen 2'])
  })

  describe('on real stores, two pipelines at once', () => {
    const value = json<Sessions<Ids>>()
    const stores: Record<string, () => () => KVStore<Sessions<Ids>>> = {
      'memory:': () => {
        const memory = new Memory()
        return () => memoryStore({ value, memory })
      },
      'lmdb:': () => {
        const path = temporaryFolder()
        return () => lmdbStore({ value, path })
      },
      'zookeeper:': () => {
        const root = freshRoot('sessions')
        return () => zookeeperStore({ value, servers, root })
      },
    }

    test.each(Object.keys(stores))('%s', async name => {
      const open = stores[name]!()
      await using one = open()
      await using other = open()
      // Each user comes, is away for longer than the gap, and comes again; neighbours are swapped.
      const clicks = Array.from({ length: 400 }, (_, i): Click => {
        const at = 7 * (i ^ 4) + 1000 * Math.floor(i / 100)
        return { id: i, user: `user${i % 5}`, at }
      })
      const options = { timeOf: ({ at }: Click) => at, gap: 100, grace: 10_000, merge: joinIds }
      const half = (store: KVStore<Sessions<Ids>>, parity: number) =>
        from(clicks.filter(({ id }) => id % 2 === parity)).pipe(
          concatMap((click, i) => (i % 50 === 0 ? of(click).pipe(delay(1)) : of(click))),
          sessionKV(store, userOf, addId, options),
        )
      const results = await lastValueFrom(merge(half(one, 0), half(other, 1)).pipe(toArray()))
      expect(results).toHaveLength(400)
      const entries = await lastValueFrom(one.entries$().pipe(toArray()))
      const expected = sessionsOf(clicks, 100)
      expect(expected).toHaveLength(20)
      expect(sorted(entries.flatMap(({ value }) => value))).toEqual(expected)
    })
  })
})
