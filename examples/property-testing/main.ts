/**
 * A pipeline checked with fast-check against a model, under faults: the right one, and two that lose updates.
 *
 *   npx tsx --conditions=rxkeeper-source examples/property-testing/main.ts [--runs N] [--seed N] [--server N]
 *
 * On virtual time 1,000 runs take about a second; with `--server N`, N more follow on a ZooKeeper server that it starts.
 */
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { type StoreFault, startZooKeeper } from 'rxkeeper/testing'
import { booking, bookingByHand, bookingPerKey } from './accounts.ts'
import { arrivals, check, faults, otherWriters, outages } from './property.ts'
import { type Arrival, runOnServer, runVirtually } from './run.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    server: { type: 'string', default: '0' },
  },
})
const seed = Number(values.seed)

function report(name: string, details: fc.RunDetails<[Arrival[], StoreFault[]]>): void {
  const { failed, numRuns, counterexample, errorInstance } = details
  if (!failed) {
    console.log(`${name}: held in ${numRuns} runs`)
    return
  }
  const [payments, schedule] = counterexample!
  console.log(`${name}: failed, in its smallest form with`)
  console.log(`  payments ${fc.stringify(payments)}`)
  console.log(`  faults   ${fc.stringify(schedule)}`)
  console.log(`  ${(errorInstance as Error).message}`)
}

console.log(`seed ${seed}`)
for (const [pipeline, schedules] of [
  [booking, faults],
  [bookingByHand, outages],
  [bookingPerKey, otherWriters],
] as const) {
  const property = fc.property(arrivals, schedules, (payments, schedule) =>
    check(payments, schedule, runVirtually(pipeline, payments, schedule)),
  )
  report(pipeline.name, fc.check(property, { seed, numRuns: Number(values.runs) }))
}

if (Number(values.server) > 0) {
  await using server = await startZooKeeper()
  const property = fc.asyncProperty(arrivals, faults, async (payments, schedule) =>
    check(payments, schedule, await runOnServer(server, booking, payments, schedule)),
  )
  report('booking, on a real server', await fc.check(property, { seed, numRuns: Number(values.server) }))
}
