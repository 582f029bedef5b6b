import type { Session } from 'rxkeeper'
import { table } from '../table.ts'
import type { Funnel, Steps } from './funnel.ts'
import type { PricedClick, Sales } from './sales.ts'
import { MINUTE, STEPS } from './shop.ts'

const whole = new Intl.NumberFormat('en-US')
const money = new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })

const amount = (cents: number): string => money.format(cents / 100)
const share = (part: number, of: number): string => (of === 0 ? '–' : `${((100 * part) / of).toFixed(1)} %`)
const minute = (time: number): string => new Date(time).toISOString().slice(0, 16).replace('T', ' ')

/** How many sessions came how far. */
export function funnelTable({ sessions, reached }: Funnel, late: number): string {
  const rows = STEPS.map((step, i) => [
    step,
    whole.format(reached[step]),
    i === 0 ? '' : share(reached[step], reached[STEPS[i - 1]!]),
    share(reached[step], sessions),
  ])
  return [
    'From visit to purchase',
    table(['step', 'sessions', 'of those before', 'of all'], rows),
    `  ${whole.format(sessions)} sessions; ${whole.format(late)} clicks came too late for theirs.`,
  ].join('\n\n')
}

/** What was sold, at which prices. */
export function salesTable(products: readonly (readonly [name: string, sales: Sales])[]): string {
  const rows = products.map(([name, { orders, revenue, least, most }]) => [
    name,
    whole.format(orders),
    amount(revenue),
    amount(least),
    amount(most),
  ])
  const total = products.reduce((sum, [, { revenue }]) => sum + revenue, 0)
  return [
    'Revenue, each order at the price of its time',
    table(['product', 'orders', 'revenue', 'lowest price', 'highest price'], rows),
    `  ${amount(total)} in all.`,
  ].join('\n\n')
}

/** What a user did last. */
export function userTables(
  user: string,
  history: readonly PricedClick[],
  sessions: readonly Session<Steps>[],
): string {
  if (history.length === 0) return `Nothing is known of ${user}.`
  const clicks = history.map(({ at, step, page, price }) => [
    minute(at),
    step,
    page,
    price === undefined ? '' : amount(price),
  ])
  const visits = sessions.map(({ start, end, value }) => [
    minute(start),
    STEPS.findLast(step => value[step] > 0)!,
    `${Math.round((end - start) / MINUTE)} min`,
  ])
  return [
    `The last clicks of ${user}`,
    table(['time', 'step', 'page', 'price'], clicks, 3),
    `The last sessions of ${user}`,
    table(['start', 'as far as', 'lasted'], visits, 2),
  ].join('\n\n')
}
