import { filter, firstValueFrom, lastValueFrom, map, type Observable, takeWhile, toArray } from 'rxjs'
import { describe, expect, test, vi } from 'vitest'
import { type Change, joinTables$, json, type KVStore, memoryStore } from '../../src/index.ts'
import { failureOf } from './cases.ts'

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

  test('a result that expired, and is not deleted yet, does not stand in the way', async () => {
    const { orders, users, result } = tables()
    await lastValueFrom(users.put$('ann', 'Rome'))
    await lastValueFrom(result.put$('17', 'wrong', { expireAfter: 1 }))
    await vi.waitFor(async () => expect(await contentOf(result)).toEqual({}))
    await lastValueFrom(orders.put$('17', { user: 'ann', n: 1 }))
    await synced(joinTables$(orders, users, result, inner))
    expect(await contentOf(result)).toEqual({ 17: '1 Rome' })
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
