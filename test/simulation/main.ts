/**
 * `npm run simulate -- --minutes N --seed S`: simulates seed after seed, for so long, and ends at the first that breaks a
 * promise, with its shortest history.
 */
import { parseArgs } from 'node:util'
import { generate } from './workload/generate.ts'
import { carryOut } from './workload/running.ts'
import { remains, show } from './workload/show.ts'
import { shrink } from './workload/shrink.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    /** Only these steps of the one seed, as a shrunk history names them. */
    steps: { type: 'string' },
    /** What is found is told as it is. */
    'no-shrink': { type: 'boolean', default: false },
    /** How many seeds, whatever time they take. */
    seeds: { type: 'string' },
  },
})

const first = Number(values.seed)
const most = values.steps === undefined ? Number(values.seeds ?? Number.POSITIVE_INFINITY) : 1
const only = values.steps?.split(',')
const began = performance.now()
const minutes = (): number => (performance.now() - began) / 60_000
let simulated = 0
let operations = 0
let seeds = 0

const report = (): string =>
  `${seeds} seeds from ${first}: ${(simulated / 3_600_000).toFixed(1)} hours simulated in ${minutes().toFixed(1)} minutes ` +
  `(${(simulated / 3_600_000 / minutes()).toFixed(1)} hours a minute), ${operations} operations tried`

console.log(`simulating from seed ${first}`)
let told = 0
while (seeds < most && (values.seeds !== undefined || minutes() < Number(values.minutes))) {
  const seed = String(first + seeds++)
  const whole = generate(seed)
  const plan =
    only === undefined ? whole : { ...whole, steps: whole.steps.filter(({ id }) => only.includes(id)) }
  const run = await carryOut(plan)
  simulated += run.now
  operations += run.operations.length
  if (run.violation !== undefined) {
    console.log(`\nseed ${seed} breaks ${run.violation.invariant}: ${run.violation.problem}\n`)
    if (values['no-shrink']) process.exit(1)
    const shrunk = await shrink(plan, run.violation)
    console.log(`${await show(shrunk)}\n`)
    console.log(`again: npm run simulate -- --seed ${seed} --steps ${remains(shrunk.plan)}`)
    console.log(report())
    process.exit(1)
  }
  if (minutes() >= told + 1) {
    told = Math.floor(minutes())
    console.log(report())
  }
}
console.log(`nothing found: ${report()}`)
