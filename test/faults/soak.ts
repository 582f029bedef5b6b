import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'

/*
 * Runs the fault suite in its long form, again and again with new seeds, until the time is up; ends at the first failure.
 *
 *   npm run test:soak -- --minutes 60            everything
 *   npm run test:soak -- --minutes 60 ensemble   only files with this in their name
 */

const { values, positionals } = parseArgs({
  options: { minutes: { type: 'string', default: '30' } },
  allowPositionals: true,
})
const minutes = Number(values.minutes)
if (!(minutes > 0)) {
  console.error(`--minutes: expected a number above 0, got '${values.minutes}'`)
  process.exit(2)
}
const end = performance.now() + minutes * 60_000
// The LMDB engine's own test of durability kills its writer as often as it is told to.
const everything = ['test/faults/', 'test/moves/move.properties.test.ts', 'test/lmdb/durability.test.ts']
const files = positionals.length === 0 ? everything : positionals.map(name => `test/faults/${name}`)
for (let pass = 1; pass === 1 || performance.now() < end; pass++) {
  console.log(`pass ${pass}`)
  const { status } = spawnSync('npx', ['vitest', 'run', ...files], {
    stdio: 'inherit',
    env: { ...process.env, RXKEEPER_SOAK: 'on', RXKEEPER_KILL_ROUNDS: '50' },
  })
  if (status !== 0) process.exit(status ?? 1)
}
