import fc from 'fast-check'
import {
  filter,
  firstValueFrom,
  lastValueFrom,
  map,
  type Observable,
  switchMap,
  takeUntil,
  takeWhile,
  timer,
  toArray,
} from 'rxjs'
import type { TestScheduler } from 'rxjs/testing'
import { describe, expect, test, vi } from 'vitest'
import { type Change, joinTables$, json, type KVStore, Memory, memoryStore } from '../../src/index.ts'
import { faultyStore, type StoreFault } from '../../src/testing.ts'
import { failureOf, virtually } from './cases.ts'
import { writeElsewhere } from './engines.ts'
import { arriving, delays } from './schedules.ts'

interface Order {
  readonly user: string | undefined
  readonly n: number
}

const tables = () => ({
  orders: memoryStore({ value: json<Order>() }),
  users: memoryStore({ value: json<string>() }),
  result: memoryStore({ value: json<string>() }),
})

const inner = { foreignKey: ({ user }: Order) => user, join: ({ n }: Order, city: string) => `${n} ${city}` }
const left = {
  type: 'left',
  foreignKey: ({ user }: Order) => user,
  join: ({ n }: Order, city?: string) => `${n} ${city}`,
} as const

/** In short: `17=1 Rome`, `-17`, `synced`. */
const short = (change: Change<string>): string =>
  change.type === 'put'
    ? `${change.key}=${change.value}`
    : change.type === 'delete'
      ? `-${change.key}`
      : 'synced'

const contentOf = async (store: KVStore<string>): Promise<Record<string, string>> => {
  const entries = await lastValueFrom(store.entries$().pipe(toArray()))
  return Object.fromEntries(entries.map(({ key, value }) => [key, value]))
}

const synced = (joined$: Observable<Change<string>>) =>
  firstValueFrom(joined$.pipe(filter(({ type }) => type === 'synced')))

describe('joinTables$', () => {
  test('changes of either side update the result', async () => {
    const { orders, users, result } = tables()
    const told: string[] = []
    joinTables$(orders, users, result, inner).subscribe(change => told.push(short(change)))
    const steps: (() => Observable<unknown>)[] = [
      () => orders.put$('17', { user: 'ann', n: 1 }),
      () => users.put$('ann', 'Rome'),
      () => orders.put$('18', { user: 'ann', n: 2 }),
      () => users.put$('ann', 'Oslo'),
      () => orders.put$('17', { user: 'bob', n: 1 }),
      () => users.put$('bob', 'Bern'),
      () => orders.put$('18', { user: undefined, n: 2 }),
      () => orders.delete$('17'),
    ]
    for (const step of steps) await lastValueFrom(step())
    await vi.waitFor(() => expect(told.slice(-2)).toEqual(['-17', 'synced']), { timeout: 60_000 })
    expect(told.filter(line => line !== 'synced')).toEqual([
      '17=1 Rome',
      '18=2 Rome',
      '17=1 Oslo',
      '18=2 Oslo',
      '-17',
      '17=1 Bern',
      '-18',
      '-17',
    ])
    expect(await contentOf(result)).toEqual({})
  })

  test("with `type: 'left'` entries that refer to nothing have a result, too", async () => {
    const { orders, users, result } = tables()
    await lastValueFrom(orders.put$('17', { user: undefined, n: 1 }))
    await lastValueFrom(orders.put$('18', { user: 'ann', n: 2 }))
    await synced(joinTables$(orders, users, result, left))
    expect(await contentOf(result)).toEqual({ 17: '1 undefined', 18: '2 undefined' })
    await lastValueFrom(users.put$('ann', 'Rome'))
    await synced(joinTables$(orders, users, result, left))
    expect(await contentOf(result)).toEqual({ 17: '1 undefined', 18: '2 Rome' })
  })

  test('begins where it is, writes nothing that is right, and puts right what is not', async () => {
    const { orders, users, result } = tables()
    const joined$ = joinTables$(orders, users, result, inner)
    await lastValueFrom(users.putAll$(Object.entries({ ann: 'Rome', bob: 'Bern' })))
    await lastValueFrom(
      orders.putAll$(Object.entries({ 17: { user: 'ann', n: 1 }, 18: { user: 'bob', n: 2 } })),
    )
    await synced(joined$)
    await lastValueFrom(result.put$('18', 'wrong'))
    await lastValueFrom(result.put$('19', 'nobody asked for it'))
    const did = await lastValueFrom(
      joined$.pipe(
        map(short),
        takeWhile(line => line !== 'synced'),
        toArray(),
      ),
    )
    expect(did.sort()).toEqual(['-19', '18=2 Bern'])
    expect(await contentOf(result)).toEqual({ 17: '1 Rome', 18: '2 Bern' })
  })

  test('one entry of the right table that very many refer to', async () => {
    const { orders, users, result } = tables()
    const all = Array.from({ length: 5000 }, (_, n): [string, Order] => [`order${n}`, { user: 'ann', n }])
    await lastValueFrom(orders.putAll$(all))
    for (const city of ['Rome', 'Oslo']) {
      await lastValueFrom(users.put$('ann', city))
      await synced(joinTables$(orders, users, result, inner))
      const cities = new Set(Object.values(await contentOf(result)).map(line => line.split(' ')[1]))
      expect(cities).toEqual(new Set([city]))
    }
  })

  test('fails with what its functions throw, and what cannot be stored', async () => {
    const { orders, users, result } = tables()
    await lastValueFrom(orders.put$('17', { user: 'ann', n: 1 }))
    await lastValueFrom(users.put$('ann', 'Rome'))
    const boom = (): never => {
      throw new Error('boom')
    }
    const ending = async (options: Partial<typeof inner>): Promise<unknown> =>
      (await failureOf(joinTables$(orders, users, result, { ...inner, ...options }))).error
    expect(await ending({ foreignKey: boom })).toMatchObject({
      code: 'CALLBACK',
      key: '17',
      cause: { message: 'boom' },
    })
    expect(await ending({ join: boom })).toMatchObject({
      code: 'CALLBACK',
      key: '17',
      cause: { message: 'boom' },
    })
    const nothing = (() => undefined) as unknown as typeof inner.join
    expect(await ending({ join: nothing })).toMatchObject({ code: 'INVALID_ARGUMENT', key: '17' })
    const closed = failureOf(joinTables$(orders, users, result, inner))
    await users.close()
    expect((await closed).error.code).toBe('CLOSED')
  })

  test('refuses what is no option, and a result that is one of the tables', () => {
    const { orders, users } = tables()
    const code = expect.objectContaining({ code: 'INVALID_ARGUMENT' })
    expect(() => joinTables$(orders, users, users, inner)).toThrow(code)
    expect(() => joinTables$(orders, users, tables().result, { ...inner, type: 'outer' as 'inner' })).toThrow(
      code,
    )
  })
})

describe('joinTables$, whatever happens', () => {
  const ids = fc.constantFrom('1', '2', '3', '4')
  const names = fc.constantFrom('ann', 'bob', 'cleo')
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

  class World {
    readonly orders = new Memory()
    readonly users = new Memory()
    readonly result = new Memory()

    live(
      scheduler: TestScheduler,
      faults: readonly StoreFault[],
      type: 'inner' | 'left',
    ): Observable<Change<string>> {
      const options = { scheduler, faults, timeout: 15 }
      return joinTables$(
        faultyStore({ value: json<Order>(), memory: this.orders, ...options }),
        faultyStore({ value: json<string>(), memory: this.users, ...options }),
        faultyStore({ value: json<string>(), memory: this.result, ...options }),
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

  test('the result comes to be the join of the two tables', () => {
    const types = fc.constantFrom('inner' as const, 'left' as const)
    fc.assert(
      fc.property(writes, delays, lives, faults, at, types, (writes, gaps, lives, faults, from, type) => {
        virtually(scheduler => {
          const world = new World()
          arriving(writes, gaps).subscribe(({ table, key, value }) =>
            writeElsewhere<unknown>(world[table], json<unknown>(), key, value),
          )
          for (const { from, lasts, faults } of lives) {
            timer(from)
              .pipe(
                switchMap(() => world.live(scheduler, faults, type)),
                takeUntil(timer(from + lasts)),
              )
              .subscribe()
          }
          let isSynced = false
          timer(from)
            .pipe(switchMap(() => world.live(scheduler, faults, type)))
            .subscribe(change => {
              isSynced = change.type === 'synced'
            })
          scheduler.flush()
          expect(isSynced).toBe(true)
          expect(world.content(world.result)).toEqual(world.model(type))
        })
      }),
      { numRuns: 500 },
    )
  })
})
