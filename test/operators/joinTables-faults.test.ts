import fc from 'fast-check'
import { defer, delay, type Observable, switchMap, takeUntil, timer } from 'rxjs'
import type { TestScheduler } from 'rxjs/testing'
import { describe, expect, test } from 'vitest'
import { timingOf } from '../../src/base/timing.ts'
import {
  type Change,
  type Engine,
  joinTables$,
  json,
  type KVStore,
  Memory,
  MemoryEngine,
} from '../../src/index.ts'
import { FaultyEngine } from '../../src/testing/faulty-engine.ts'
import type { StoreFault } from '../../src/testing.ts'
import { virtually } from './cases.ts'
import { hookedStore, writeElsewhere } from './engines.ts'
import { arriving, delays } from './schedules.ts'

interface Order {
  readonly user: string | undefined
  readonly n: number
}

const inner = { foreignKey: ({ user }: Order) => user, join: ({ n }: Order, city: string) => `${n} ${city}` }
const left = {
  type: 'left',
  foreignKey: ({ user }: Order) => user,
  join: ({ n }: Order, city?: string) => `${n} ${city}`,
} as const

describe('joinTables$, whatever happens', () => {
  const ids = fc.constantFrom('1', '2')
  const names = fc.constantFrom('ann', 'bob')
  const writes = fc.array(
    fc.oneof(
      fc.record({
        table: fc.constant('orders' as const),
        key: ids,
        value: fc.option(fc.record({ user: fc.option(names, { nil: undefined }), n: fc.nat(2) }), {
          nil: undefined,
        }),
      }),
      fc.record({
        table: fc.constant('users' as const),
        key: names,
        value: fc.option(fc.constantFrom('Rome', 'Oslo'), { nil: undefined }),
      }),
      fc.record({
        table: fc.constant('result' as const),
        key: ids,
        value: fc.option(fc.constantFrom('1 Rome', 'wrong'), { nil: undefined }),
      }),
    ),
    { maxLength: 30 },
  )
  const at = fc.nat(60)
  const outage = fc.record({
    type: fc.constantFrom('suspended' as const, 'lost' as const),
    at,
    lasts: fc.integer({ min: 1, max: 20 }),
    unanswered: fc.constantFrom('done' as const, 'dropped' as const),
  })
  const slow = fc.record({
    type: fc.constant('slow' as const),
    at,
    lasts: fc.integer({ min: 1, max: 20 }),
    by: fc.integer({ min: 1, max: 30 }),
  })
  const faults = fc.array(fc.oneof(outage, slow), { maxLength: 3 })
  /** When a process begins to join, and when it dies; each has its own connection, that is cut by its own faults. */
  const lives = fc.array(fc.record({ from: at, lasts: fc.integer({ min: 1, max: 40 }), faults }), {
    maxLength: 3,
  })

  interface Life {
    readonly from: number
    readonly lasts: number
    readonly faults: readonly StoreFault[]
  }

  interface Run {
    readonly writes: readonly { table: 'orders' | 'users' | 'result'; key: string; value: unknown }[]
    /** How long after the one before each is written. */
    readonly gaps: readonly number[]
    readonly lives: readonly Life[]
    /** Of the process that lives on. */
    readonly faults: readonly StoreFault[]
    readonly from: number
    readonly type: 'inner' | 'left'
    readonly lags: readonly number[]
  }

  const faulty = (memory: Memory, scheduler: TestScheduler, faults: readonly StoreFault[]): Engine =>
    new FaultyEngine(new MemoryEngine(memory), {
      faults,
      latency: 1,
      timing: timingOf(scheduler),
      otherWrite: () => {},
    })

  class World {
    readonly orders = new Memory()
    readonly users = new Memory()
    readonly result = new Memory()

    /** A process with a connection of its own, on which answers to writes come late by `lags`, in turn. */
    live(
      scheduler: TestScheduler,
      { type, lags }: Run,
      faults: readonly StoreFault[],
    ): Observable<Change<string>> {
      const table = <V>(memory: Memory): KVStore<V> =>
        hookedStore<V>(
          {
            value: json<V>(),
            memory,
            scheduler,
            timeout: 15,
            engineOf: memory => faulty(memory, scheduler, faults),
          },
          ({ name }, answer$) => (name === 'read' ? answer$ : defer(() => answer$.pipe(delay(lag())))),
        )
      let answers = 0
      const lag = (): number => lags[answers++ % lags.length]!
      return joinTables$(
        table<Order>(this.orders),
        table<string>(this.users),
        table<string>(this.result),
        type === 'inner' ? inner : (left as unknown as typeof inner),
      )
    }

    content<V>(memory: Memory): Map<string, V> {
      return new Map(Array.from(memory.entries, ([key, { value }]) => [key, json<V>().decode(value)]))
    }

    model(type: 'inner' | 'left'): Map<string, string> {
      const users = this.content<string>(this.users)
      const joined = Array.from(
        this.content<Order>(this.orders),
        ([key, { user, n }]): [string, string][] => {
          const city = user === undefined ? undefined : users.get(user)
          return city === undefined && type === 'inner' ? [] : [[key, `${n} ${city}`]]
        },
      )
      return new Map(joined.flat())
    }
  }

  const check = (run: Run): void => {
    const { writes, gaps, lives, faults, from, type } = run
    virtually(scheduler => {
      const world = new World()
      arriving(writes, gaps).subscribe(({ table, key, value }) =>
        writeElsewhere<unknown>(world[table], json<unknown>(), key, value),
      )
      for (const { from, lasts, faults } of lives) {
        timer(from)
          .pipe(
            switchMap(() => world.live(scheduler, run, faults)),
            takeUntil(timer(from + lasts)),
          )
          .subscribe()
      }
      let isSynced = false
      timer(from)
        .pipe(switchMap(() => world.live(scheduler, run, faults)))
        .subscribe(change => {
          isSynced = change.type === 'synced'
        })
      scheduler.flush()
      expect(isSynced).toBe(true)
      expect(world.content(world.result)).toEqual(world.model(type))
    })
  }

  const types = fc.constantFrom('inner' as const, 'left' as const)
  const runs: fc.Arbitrary<Run> = fc.record({
    writes,
    gaps: delays,
    lives,
    faults,
    from: at,
    type: types,
    lags: delays,
  })

  test('the result comes to be the join of the two tables', () => {
    fc.assert(fc.property(runs, check), { numRuns: 500 })
  })

  /** One result, that somebody else writes, too, around an outage. */
  const near = fc.nat(16)
  const result = fc.option(fc.constantFrom('0 undefined', 'wrong'), { nil: undefined })
  const few: fc.Arbitrary<Run> = fc
    .record({
      others: fc.array(result, { minLength: 1, maxLength: 3 }),
      gaps: fc.array(near, { minLength: 4, maxLength: 4 }),
      outage: fc.record({
        type: fc.constant('suspended' as const),
        at: near,
        lasts: fc.integer({ min: 1, max: 8 }),
        unanswered: fc.constant('done' as const),
      }),
      lags: fc.array(near, { minLength: 1, maxLength: 2 }),
    })
    .map(({ others, gaps, outage, lags }) => ({
      writes: [
        { table: 'orders', key: '1', value: { user: undefined, n: 0 } },
        ...others.map(value => ({ table: 'result' as const, key: '1', value })),
      ],
      gaps,
      lives: [],
      faults: [outage],
      from: 0,
      type: 'left',
      lags,
    }))

  test('an answer that comes late, when the table has told more', () => {
    fc.assert(fc.property(few, check), { numRuns: 500 })
  })

  const order = { table: 'orders' as const, key: '1', value: { user: undefined, n: 0 } }
  const result1 = (value: string | undefined) => ({ table: 'result' as const, key: '1', value })
  const quiet = { lives: [], faults: [], from: 0, type: 'left' as const, lags: [0] }
  const suspended = (at: number, lasts: number) => ({
    type: 'suspended' as const,
    at,
    lasts,
    unanswered: 'done' as const,
  })

  test('what was written is deleted before the table tells of it', () =>
    check({
      ...quiet,
      writes: [result1('1 Rome'), order, result1(undefined), result1(undefined)],
      gaps: [3, 0, 0],
    }))

  test('one who sees less deletes it while the connection of the one who lives on is lost', () =>
    check({
      writes: [
        { table: 'users', key: 'ann', value: undefined },
        { table: 'orders', key: '1', value: { user: 'bob', n: 0 } },
        { table: 'users', key: 'bob', value: 'Rome' },
      ],
      gaps: [4, 3, 0],
      lives: [{ from: 5, lasts: 10, faults: [{ type: 'slow', at: 1, lasts: 2, by: 7 }] }],
      faults: [suspended(11, 2)],
      from: 2,
      type: 'inner',
      lags: [0],
    }))

  test('it is deleted in the outage in which it was written: the table, read anew, does not tell of it', () =>
    check({ ...quiet, writes: [order, result1(undefined)], gaps: [0, 4], faults: [suspended(3, 1)] }))

  test('somebody else writes it in the outage in which it was written', () =>
    check({
      ...quiet,
      writes: [order, result1('wrong')],
      gaps: [2, 2],
      faults: [suspended(4, 1)],
      lags: [1],
    }))
})
