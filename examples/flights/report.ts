import type { Figures } from 'rxkeeper'
import { table } from '../table.ts'
import type { Route } from './state.ts'

/** How many routes a table shows. */
const SHOWN = 10

/** A route with fewer flights is not ranked by its mean delay. */
const ENOUGH = 10

export type NamedRoute = readonly [name: string, route: Route]

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const tenths = new Intl.NumberFormat('en-US', {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
  // Not of what is rounded to zero.
  signDisplay: 'negative',
})

function routes(title: string, ranked: readonly NamedRoute[]): string {
  const rows = ranked
    .slice(0, SHOWN)
    .map(([name, { flights, meanDelay, worstDelay }]) => [
      name.replace('-', ' → '),
      whole.format(flights),
      tenths.format(meanDelay),
      whole.format(worstDelay),
    ])
  return `${title}\n\n${table(['route', 'flights', 'mean delay', 'worst delay'], rows)}\n`
}

/** The tables of the busiest and of the most delayed routes; delays in minutes. */
export function routeTables(all: readonly NamedRoute[]): string {
  const byName = ([a]: NamedRoute, [b]: NamedRoute) => (a < b ? -1 : 1)
  const busiest = all.toSorted((a, b) => b[1].flights - a[1].flights || byName(a, b))
  const delayed = all
    .filter(([, { flights }]) => flights >= ENOUGH)
    .sort((a, b) => b[1].meanDelay - a[1].meanDelay || byName(a, b))
  return [
    routes('Busiest routes (delays in minutes)', busiest),
    routes(`Most delayed routes (of those with ${ENOUGH} flights or more)`, delayed),
  ].join('\n')
}

/** What was measured while counting. */
export function figureTable(figures: Figures): string {
  const { throughput, bytesPerSecond, latency, percentiles, availability } = figures
  const milliseconds = (time: number) => `${tenths.format(time)} ms`
  const rows = [
    ['throughput', `${whole.format(throughput)} flights/s, ${megabytes(bytesPerSecond)}/s`],
    ['latency', `${milliseconds(latency)} on average`],
    [
      '',
      (['p50', 'p90', 'p99', 'p999', 'max'] as const)
        .map(name => `${name} ${milliseconds(percentiles[name])}`)
        .join(', '),
    ],
    ['availability', `${tenths.format(100 * availability)} %`],
  ]
  return `Measured\n\n${rows.map(([name, value]) => `  ${name!.padEnd(14)}${value}`).join('\n')}\n`
}

export const megabytes = (bytes: number): string => `${tenths.format(bytes / 1e6)} MB`
export const count = (number: number): string => whole.format(number)

/** What there was to count of a file, and what was. */
export function summary(file: string, before: number, counted: number): string {
  if (counted > 0 && before > 0) {
    return `Counted ${count(counted)} flights of ${file}, after the ${count(before)} that had been counted before.`
  }
  if (counted > 0) return `Counted ${count(counted)} flights of ${file}.`
  return before > 0
    ? `Nothing new: ${count(before)} flights of ${file} had been counted before. --from-start counts them again.`
    : `There are no flights in ${file}.`
}
