import { setTimeout } from 'node:timers/promises'
import { job, json } from 'rxkeeper'

/** Endless, and slow to give out. */
async function* ticks() {
  for (let tick = 0; ; tick++) {
    yield { tick }
    await setTimeout(1)
  }
}

export default job({
  name: 'slow',
  value: json(),
  input: ticks(),
  keyOf: ({ tick }) => `key ${tick % 10}`,
  transform: (_, count = 0) => count + 1,
  output: async ([{ tick }]) => {
    await setTimeout(process.env.SLOW === undefined ? 1 : 1_000_000)
    console.log(tick)
  },
})
