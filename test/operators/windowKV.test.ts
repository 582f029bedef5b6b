import { delay, from, lastValueFrom, map, type Observable, of, pipe, toArray } from 'rxjs'
import { describe, expect, test } from 'vitest'
import {
  type DeadLetter,
  type Entry,
  json,
  type KVStore,
  Memory,
  memoryStore,
  pull$,
  type Window,
  type WindowOptions,
  windowKV,
  windowPrefix,
  zookeeperStore,
} from '../../src/index.ts'
import { lmdbStore } from '../../src/lmdb.ts'
import { temporaryFolder } from '../lmdb/temporary.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { failureOf, operatorCases, virtually } from './cases.ts'
import { type Hook, hookedStore, logging } from './engines.ts'

type Store = KVStore<Window<number>>
const value = json<Window<number>>()
const make = (memory = new Memory()): Store => memoryStore({ value, memory })

/** So much of a key at a time. */
type Amount = readonly [key: string, at: number | Date, amount?: number]

const sum = <K extends number | undefined>(
  store: Store,
  options: Omit<WindowOptions<Amount, number, K>, 'timeOf'>,
) =>
  windowKV(
    store,
    ([key]: Amount) => key,
    ([, , amount = 1], total = 0) => total + amount,
    { timeOf: ([, at]) => at, ...options },
  )

/** What windows come to, in short: `a 0-10: 3 late`. */
const show = (window: (Window<number> & { late?: boolean }) | undefined): string =>
  window === undefined
    ? 'dropped'
    : `${window.key} ${window.start}-${window.end}: ${window.value}${window.late ? ' late' : ''}`

const run = <K extends number | undefined>(
  store: Store,
  amounts: readonly Amount[],
  options: Omit<WindowOptions<Amount, number, K>, 'timeOf'>,
): Promise<string[]> =>
  lastValueFrom(
    from(amounts).pipe(
      sum(store, options),
      map(([, window]) => show(window)),
      toArray(),
    ),
  )

const collect = <R>(all$: Observable<R>): Promise<R[]> => lastValueFrom(all$.pipe(toArray()))
const keyAndWindow = ({ key, value }: Entry<Window<number>>): string => `${key} = ${show(value)}`
const stateOf = (store: Store): Promise<string[]> => collect(store.entries$().pipe(map(keyAndWindow)))
const windowsOf = (store: Store, key: string): Promise<string[]> =>
  collect(store.entries$({ prefix: windowPrefix(key) }).pipe(map(({ value }) => show(value))))

describe('windowKV', () => {
  const ofKeys = (store: KVStore<number>) => store as unknown as Store

  operatorCases({
    make: (store, options) =>
      pipe(
        windowKV(
          ofKeys(store),
          (record: string) => record,
          (_, count = 0) => count + 1,
          { timeOf: () => 5, size: 10, commitSize: options?.concurrency },
        ),
        map(([record]) => record),
      ),
    makeThrowing: store =>
      pipe(
        windowKV(
          ofKeys(store),
          (record: string) => record,
          (record, count = 0) => {
            if (record === 'x') throw new Error('boom')
            return count + 1
          },
          { timeOf: () => 5, size: 10 },
        ),
        map(([record]) => record),
      ),
    calls: 2,
    held: concurrency => 2 * concurrency,
    eachForItself: false,
  })

  test('windows that follow each other: each record is in one, the start is in it, the end is not', async () => {
    const store = make()
    const amounts: Amount[] = [
      ['a', 0],
      ['a', 9.5],
      ['b', 9],
      ['a', 10],
      ['a', -Number.MIN_VALUE],
      ['a', -10],
      ['a', -11],
    ]
    expect(await run(store, amounts, { size: 10 })).toEqual([
      'a 0-10: 1',
      'a 0-10: 2',
      'b 0-10: 1',
      'a 10-20: 1',
      'a -10-0: 1 late',
      'a -10-0: 2 late',
      'a -20--10: 1 late',
    ])
    expect(await windowsOf(store, 'a')).toEqual(['a -20--10: 1', 'a -10-0: 2', 'a 0-10: 2', 'a 10-20: 1'])
  })

  test('windows that overlap: each record is in all of them, the oldest first', async () => {
    const store = make()
    expect(
      await run(
        store,
        [
          ['a', 25],
          ['a', 15, 5],
        ],
        { size: 20, every: 10 },
      ),
    ).toEqual(['a 10-30: 1', 'a 20-40: 1', 'a 0-20: 5 late', 'a 10-30: 6'])
    expect(await windowsOf(store, 'a')).toEqual(['a 0-20: 5', 'a 10-30: 6', 'a 20-40: 1'])
  })

  test('`every` need not divide `size`', async () => {
    expect(
      await run(
        make(),
        [
          ['a', 30],
          ['a', 29],
        ],
        { size: 25, every: 10 },
      ),
    ).toEqual(['a 10-35: 1', 'a 20-45: 1', 'a 30-55: 1', 'a 10-35: 2', 'a 20-45: 2'])
  })

  test('goes on from what is stored, in another pipeline', async () => {
    const memory = new Memory()
    await run(make(memory), [['a', 5, 40]], { size: 10 })
    expect(await run(make(memory), [['a', 6, 2]], { size: 10 })).toEqual(['a 0-10: 42'])
  })

  test('times are numbers or Dates; the window is in the key in a form that people can read', async () => {
    const store = make()
    await run(
      store,
      [
        ['JFK', new Date('2001-02-03T04:05:06Z')],
        ['JFK', Date.UTC(1969, 11, 31, 23, 30)],
      ],
      {
        size: 3_600_000,
      },
    )
    expect(await stateOf(store)).toEqual([
      'JFK@1969-12-31T23:00:00.000Z = JFK -3600000-0: 1',
      'JFK@2001-02-03T04:00:00.000Z = JFK 981172800000-981176400000: 1',
    ])
  })

  test('`transform` gets the window', async () => {
    const seen: unknown[] = []
    const transform = (_: Amount, __: number | undefined, window: unknown) => seen.push(window)
    const options = { timeOf: ([, at]: Amount) => at, size: 10 }
    await collect(of<Amount>(['a', 5]).pipe(windowKV(make(), ([key]) => key, transform, options)))
    expect(seen).toEqual([{ key: 'a', start: 0, end: 10 }])
  })

  test('late is what comes after a record, of any key, that is past the end of the window', async () => {
    expect(
      await run(
        make(),
        [
          ['a', 9],
          ['b', 10],
          ['a', 9],
          ['a', 10],
          ['b', 3],
        ],
        { size: 10 },
      ),
    ).toEqual(['a 0-10: 1', 'b 10-20: 1', 'a 0-10: 2 late', 'a 10-20: 1', 'b 0-10: 1 late'])
  })

  test('the same on virtual time: one commit at a time, what comes meanwhile travels together', () => {
    virtually(scheduler => {
      const log: string[] = []
      const slow: Hook = ({ name }, answer$) => (name === 'commit' ? answer$.pipe(delay(4)) : answer$)
      const store = hookedStore({ value: json<Window<number>>(), scheduler }, logging(log), slow)
      const amounts: Record<string, Amount> = { a: ['a', 3], b: ['a', 12], c: ['a', 4] }
      const result$ = scheduler.createColdObservable('a-bc--|', amounts).pipe(
        sum(store, { size: 10 }),
        map(([, window]) => show(window)),
      )
      scheduler
        .expectObservable(result$)
        .toBe('----a---(bc|)', { a: 'a 0-10: 1', b: 'a 10-20: 1', c: 'a 0-10: 2 late' })
      scheduler.flush()
      const at = (time: number): string => `a@${new Date(time).toISOString()}`
      const put = (start: number, count: number): string =>
        `put ${at(start)}={"key":"a","start":${start},"end":${start + 10},"value":${count}}`
      expect(log).toEqual([
        `read ${at(0)}`,
        `${put(0, 1)}@absent`,
        `read ${at(10)}`,
        `${put(10, 1)}@absent, ${put(0, 2)}@0`,
      ])
    })
  })

  describe('keep', () => {
    test('a newer window takes the place of an old one, for good', async () => {
      const memory = new Memory()
      const amounts: Amount[] = [
        ['a', 5],
        ['a', 15],
        ['a', 6],
        ['a', 25],
        ['a', 7],
        ['a', 16],
        ['b', 7],
      ]
      expect(await run(make(memory), amounts, { size: 10, keep: 2 })).toEqual([
        'a 0-10: 1',
        'a 10-20: 1',
        'a 0-10: 2 late',
        'a 20-30: 1',
        'dropped',
        'a 10-20: 2 late',
        'b 0-10: 1 late',
      ])
      expect(await windowsOf(make(memory), 'a')).toEqual(['a 20-30: 1', 'a 10-20: 2'])
      // Also after a restart.
      const later = await run(
        make(memory),
        [
          ['a', 8],
          ['a', 29],
          ['a', -500],
        ],
        { size: 10, keep: 2 },
      )
      expect(later).toEqual(['dropped', 'a 20-30: 2', 'dropped'])
    })

    test('a window that is dropped costs no write', async () => {
      const log: string[] = []
      const store = hookedStore({ value: json<Window<number>>() }, logging(log))
      await run(store, [['a', 20]], { size: 10, keep: 1 })
      log.length = 0
      expect(
        await run(
          store,
          [
            ['a', 5],
            ['a', 6],
          ],
          { size: 10, keep: 1 },
        ),
      ).toEqual(['dropped', 'dropped'])
      expect(log).toEqual(['read a@1970-01-01T00:00:00.000Z'])
    })

    test('of windows that overlap', async () => {
      const store = make()
      expect(
        await run(
          store,
          [
            ['a', 15],
            ['a', 25],
            ['a', 8],
          ],
          { size: 20, every: 10, keep: 2 },
        ),
      ).toEqual(['a 0-20: 1', 'a 10-30: 1', 'a 10-30: 2', 'a 20-40: 1', 'dropped', 'dropped'])
    })
  })

  test('what is wrong with a record is its own: a time that is none, a key that is none', async () => {
    const letters: unknown[] = []
    const amounts: Amount[] = [
      ['a', 1],
      ['b', Number.NaN],
      ['c', new Date('nonsense')],
      ['d', Date.UTC(2001, 0) * 1000],
      ['', 2],
      ['a', 3],
    ]
    const deadLetter = ({ error, record: [key] }: DeadLetter<Amount>) => letters.push([key, error.message])
    expect(await run(make(), amounts, { size: 10, deadLetter })).toEqual(['a 0-10: 1', 'a 0-10: 2'])
    expect(letters).toEqual([
      ['b', expect.stringMatching(/^`timeOf` threw: .*NaN$/)],
      ['c', expect.stringMatching(/^`timeOf` threw: .*Invalid Date$/)],
      ['d', expect.stringMatching(/^`timeOf` threw: .*years 0 to 9999: 978307200000000$/)],
      ['', expect.stringMatching(/key must not be empty/)],
    ])
  })

  test.each(['keyOf', 'timeOf', 'transform'] as const)('a throwing `%s` is said to be that', async name => {
    const boom = (): never => {
      throw new Error('boom')
    }
    const functions = { keyOf: () => 'a', timeOf: () => 1, transform: () => 1, [name]: boom }
    const { keyOf, timeOf, transform } = functions
    const result$ = of('record').pipe(windowKV(make(), keyOf, transform, { timeOf, size: 20, every: 10 }))
    const { error } = await failureOf(result$)
    expect(error).toMatchObject({
      code: 'CALLBACK',
      message: `\`${name}\` threw: boom`,
      cause: { message: 'boom' },
    })
  })

  test('`commitWith` gets the records of the commit', async () => {
    const store = make()
    const position = (amounts: readonly Amount[]) =>
      ({
        type: 'put',
        key: 'position',
        value: { key: 'position', start: 0, end: 0, value: Number(amounts.at(-1)![1]) },
      }) as const
    await run(
      store,
      [
        ['a', 1],
        ['a', 12],
      ],
      { size: 10, commitWith: amounts => [position(amounts)] },
    )
    expect(await lastValueFrom(store.get$('position'))).toMatchObject({ value: 12 })
  })

  test('takes no more from a source that can be paused than it may hold, also where windows overlap', async () => {
    let pulled = 0
    let ahead = 0
    let emitted = 0
    const amounts = function* (): Generator<Amount> {
      while (pulled < 2000) yield ['a', pulled++]
    }
    await lastValueFrom(
      pull$(amounts()).pipe(
        sum(make(), { size: 100, every: 20, commitSize: 10 }),
        map(() => {
          emitted++
          ahead = Math.max(ahead, pulled - emitted / 5)
        }),
      ),
    )
    expect(emitted).toBe(10_000)
    // Two batches of ten windows, and the rest of a record's five.
    expect(ahead).toBeLessThanOrEqual((2 * 10 + 4) / 5)
  })

  test.each([
    [{ size: 0 }, '`size` must be a whole number from 1 .* got 0'],
    [{ size: 1.5 }, '`size` .* got 1.5'],
    [{ size: 10, every: 0 }, '`every` must be a whole number from 1 to 10, got 0'],
    [{ size: 10, every: 11 }, '`every` .* got 11'],
    [{ size: 10, keep: 0 }, '`keep` must be a whole number from 1 .* got 0'],
    [{ size: 1e12, keep: 1000 }, '`keep` .* to 253, got 1000'],
    [{ size: 25, every: 10, keep: 2 }, '`keep` must be a whole number from 3 .* got 2'],
    [{ size: 10, every: 5, commitWith: () => [] }, '`commitWith` needs windows that do not overlap'],
    [{ size: 10, commitSize: 0 }, 'commitSize'],
  ])('refuses %j', (options, message) => {
    expect(() => sum(make(), options)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) }),
    )
  })

  test.each<[string, () => Store]>([
    ['ZooKeeper', () => zookeeperStore({ servers, root: freshRoot('window'), value })],
    ['LMDB', () => lmdbStore({ path: temporaryFolder(), value })],
  ])('on %s, two pipelines at once lose nothing, and changes$ shows the windows', async (_, open) => {
    await using store = open()
    const all = Array.from({ length: 600 }, (_, i): Amount => [`key@${i % 3}/%`, (i * 7919) % 100])
    await Promise.all([run(store, all, { size: 10, keep: 4 }), run(store, all, { size: 10, keep: 4 })])
    // Of the ten windows the newest four are left.
    for (const key of ['key@0/%', 'key@1/%', 'key@2/%']) {
      const count = (start: number): number =>
        2 * all.filter(([of, at]) => of === key && Math.floor(Number(at) / 10) * 10 === start).length
      expect(await windowsOf(store, key)).toEqual(
        [80, 90, 60, 70].map(start => show({ key, start, end: start + 10, value: count(start) })),
      )
    }
    const seen: string[] = []
    await new Promise<void>(resolve => {
      const subscription = store.changes$({ prefix: windowPrefix('key@1/%') }).subscribe(change => {
        if (change.type === 'put') seen.push(show(change.value))
        if (change.type === 'synced') {
          queueMicrotask(() => subscription.unsubscribe())
          resolve()
        }
      })
    })
    expect(seen.toSorted()).toEqual((await windowsOf(store, 'key@1/%')).toSorted())
  })
})
