import { lastValueFrom, map, toArray } from 'rxjs'
import { json, type KVStore, zookeeperStore } from 'rxkeeper'
import { lmdbStore } from 'rxkeeper/lmdb'
import { describe, expect, test } from 'vitest'
import { type Click, makeUpShop, STEPS } from '../../examples/behaviour/shop.ts'
import { temporaryFolder } from '../lmdb/temporary.ts'
import { sessionsOf } from '../operators/sessions.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { run } from './program.ts'

const MAIN = 'behaviour/main.ts'
const GAP = 30 * 60_000
const GRACE = 60 * 60_000

const plan = { seed: 3, users: 200, days: 10 }
const planned = ['--seed', '3', '--users', '200', '--days', '10']
const { clicks: clicksByDay, changes } = makeUpShop(plan)
const clicks = clicksByDay.flat().map((click, id) => ({ ...click, id }))
const users = [...new Set(clicks.map(({ user }) => user))].sort()

type Arrived = (typeof clicks)[number]

const of = (user: string): Arrived[] => clicks.filter(click => click.user === user)

/** The newest time of all clicks that had arrived, with each. */
const newest: number[] = []
for (const { at } of clicks) newest.push(Math.max(at, newest.at(-1) ?? at))

/** The clicks of a user that found their session open, said in another way than the operator does. */
function inTime(user: string): Arrived[] {
  const accepted: Arrived[] = []
  for (const click of of(user)) {
    const isFinal = ({ end }: { end: number }): boolean => end + GAP + GRACE < newest[click.id]!
    const final = sessionsOf(accepted, GAP)
      .filter(isFinal)
      .flatMap(({ value }) => value)
    const joined = sessionsOf([...accepted, click], GAP).find(({ value }) => value.includes(click.id))!
    const isTooOld = isFinal({ end: click.at })
    if (!isTooOld && !joined.value.some(id => final.includes(id))) accepted.push(click)
  }
  return accepted
}

const accepted = users.flatMap(inTime)
const sessions = sessionsOf(accepted, GAP)

const stepsOf = (ids: readonly number[]): Record<string, number> => {
  const count = (step: string): number => ids.filter(id => clicks[id]!.step === step).length
  return Object.fromEntries(STEPS.map(step => [step, count(step)]))
}

const reached = STEPS.map(
  (_, i) =>
    sessions.filter(({ value }) => STEPS.slice(0, i + 1).every(step => stepsOf(value)[step]! > 0)).length,
)

const priceOf = ({ page, at }: Click): number | undefined =>
  changes
    .flat()
    .filter(({ product, from }) => product === page && from <= at)
    .sort((a, b) => a.from - b.from)
    .at(-1)?.price

const orders = clicks.filter(({ step }) => step === 'purchase')

const sales = Object.fromEntries(
  [...new Set(orders.map(({ page }) => page))].sort().map(product => {
    const prices = orders.filter(({ page }) => page === product).map(order => priceOf(order)!)
    const revenue = prices.reduce((sum, price) => sum + price)
    return [
      product,
      { orders: prices.length, revenue, least: Math.min(...prices), most: Math.max(...prices) },
    ]
  }),
)

const history = (user: string): object[] =>
  of(user)
    .sort((a, b) => a.at - b.at)
    .slice(-12)
    .map(({ id: _, ...click }) => {
      const price = priceOf(click)
      return price === undefined ? click : { ...click, price }
    })

const storedSessions = (user: string): object[] => {
  const all = sessions.filter(({ key }) => key === user)
  return all.slice(-3).map(session => ({ ...session, value: stepsOf(session.value), final: true }))
}

const whole = (number: number): string => number.toLocaleString('en-US')
const money = (cents: number): string => (cents / 100).toLocaleString('en-US', { minimumFractionDigits: 2 })

function expectReport(output: string): void {
  const lines = output.split('\n').map(line => line.trim().split(/ {2,}/))
  const lineOf = (head: string): string[] | undefined => lines.find(([first]) => first === head)
  STEPS.forEach((step, i) => {
    const shares = [reached[i]! / (reached[i - 1] ?? Number.NaN), reached[i]! / sessions.length]
    const shown = shares.filter(part => !Number.isNaN(part)).map(part => `${(100 * part).toFixed(1)} %`)
    expect(lineOf(step)).toEqual([step, whole(reached[i]!), ...shown])
  })
  expect(output).toContain(
    `${whole(sessions.length)} sessions; ${clicks.length - accepted.length} clicks came too late for theirs.`,
  )
  for (const [product, { orders, revenue, least, most }] of Object.entries(sales)) {
    expect(lineOf(product)).toEqual([product, String(orders), money(revenue), money(least), money(most)])
  }
  const total = Object.values(sales).reduce((sum, { revenue }) => sum + revenue, 0)
  expect(output).toContain(`${money(total)} in all.`)
  expect(output.slice(output.indexOf('The last clicks of ann')).match(/^ {2}2026-.*$/gm)).toHaveLength(
    history('ann').length + storedSessions('ann').length,
  )
}

async function tableOf(store: KVStore<unknown>): Promise<Record<string, unknown>> {
  await using table = store
  return Object.fromEntries(
    await lastValueFrom(
      table.entries$().pipe(
        map(({ key, value }) => [key, value] as const),
        toArray(),
      ),
    ),
  )
}

describe('behaviour', () => {
  test('the clicks are worth the trouble', () => {
    // Some are late; some sessions are several until a click between them arrives; prices change.
    expect(clicks.length - accepted.length).toBeGreaterThan(2)
    const apart = users.filter(user => {
      const all = inTime(user)
      const count = (n: number): number => sessionsOf(all.slice(0, n), GAP).length
      return all.some((_, i) => count(i + 1) < count(i))
    })
    expect(apart.length).toBeGreaterThan(2)
    for (const { least, most } of Object.values(sales)) expect(least).toBeLessThan(most)
    expect(makeUpShop(plan)).toEqual({ clicks: clicksByDay, changes })
    expect(makeUpShop({ ...plan, seed: 8 })).not.toEqual({ clicks: clicksByDay, changes })
  })

  const value = json<unknown>()
  const stores: Record<string, () => { url: string; open?: (name: string) => KVStore<unknown> }> = {
    'memory:': () => ({ url: 'memory:' }),
    'lmdb:': () => {
      const path = temporaryFolder()
      return { url: `lmdb:${path}`, open: root => lmdbStore({ path, root, value }) }
    },
    'zookeeper:': () => {
      const root = freshRoot('behaviour')
      const open = (name: string) => zookeeperStore({ servers, root: `${root}/${name}`, value })
      return { url: `zookeeper://${servers}${root}`, open }
    },
  }

  test.each(Object.keys(stores))('on %s, every figure', async name => {
    const { url, open } = stores[name]!()
    const { output, errors, code } = await run(MAIN, ['--store', url, ...planned])
    expect(errors).toBe('')
    expect(code).toBe(0)
    expectReport(output)
    if (open === undefined) return
    const byUser = (what: (user: string) => object[]) =>
      Object.fromEntries(users.map(user => [user, what(user)]))
    expect(await tableOf(open('sessions'))).toEqual(
      Object.fromEntries(Object.entries(byUser(storedSessions)).filter(([, all]) => all.length > 0)),
    )
    expect(await tableOf(open('histories'))).toEqual(byUser(history))
    expect(await tableOf(open('sales'))).toEqual(sales)
    // Again, on what it left.
    expect((await run(MAIN, ['--store', url, ...planned])).output).toBe(output)
  })

  test('--help shows what there is', async () => {
    const { output, errors, code } = await run(MAIN, ['--help'])
    for (const option of ['--store', '--seed', '--users', '--days', '--user'])
      expect(output).toContain(option)
    expect({ errors, code }).toEqual({ errors: '', code: 0 })
  })

  test('a shop without clicks', async () => {
    const { output, errors, code } = await run(MAIN, [
      '--users',
      '1',
      '--days',
      '1',
      '--seed',
      '4',
      '--user',
      'zoe',
    ])
    expect(output).toContain('Nothing is known of zoe.')
    expect({ errors, code }).toEqual({ errors: '', code: 0 })
  })

  test.each([
    ['an unknown option', ['--stores', 'memory:'], '--stores'],
    ['a number that is none', ['--days', 'many'], '--days must be a whole number from 1 to 90, got many'],
    ['a store that is none', ['--store', 'redis://localhost'], 'redis://localhost'],
    ['a server that is not there', ['--store', 'zookeeper://127.0.0.1:1/shop'], '127.0.0.1:1'],
  ])('%s is said in one line', async (_, args, said) => {
    const { output, errors, code } = await run(MAIN, args)
    expect(errors).toMatch(/^behaviour: .*\n$/)
    expect(errors).toContain(said)
    expect({ output, code }).toEqual({ output: '', code: 1 })
  })
})
