// A program of a user: counts ticks until it is stopped. Its argument is how long an output takes, in milliseconds.
import { setTimeout } from 'node:timers/promises'
import { job, json } from 'rxkeeper'

async function* ticks() {
  for (let tick = 0; ; tick++) {
    yield tick
    await setTimeout(1)
  }
}

const ticker = job({
  name: 'ticker',
  value: json<number>(),
  store: 'memory:',
  input: ticks(),
  keyOf: tick => `key ${tick % 10}`,
  transform: (_, count = 0) => count + 1,
  output: async ([tick]) => {
    console.log(`tick ${tick}`)
    await setTimeout(Number(process.argv[2] ?? 1))
  },
})

const run = ticker.run()
run.subscribe(event => {
  if (event.type === 'stopping') console.log(`stopping: ${event.reason}`)
})
const { exitCode, aborted, figures } = await run
console.log(JSON.stringify({ aborted, outputs: figures.outputs, records: figures.total.records }))
process.exit(exitCode)
