import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { startZooKeeper, type ZooKeeperServer } from 'rxkeeper/testing'
import { bundle } from '../runner/bundle.ts'
import type { Order, Step } from './measure.ts'

/*
 * How a store grows: from 10,000 keys to `--keys`, and from one single server to `--servers`. Prints a line for each place.
 *
 *   npm run growth -- --keys 10000000 --servers 4
 */

const SMALL = 10_000
/** More than a znode of 100 bytes takes, and room for what requests leave. */
const HEAP_A_KEY = 900
const LEAST_HEAP = 512 * 2 ** 20

const { values } = parseArgs({
  options: { keys: { type: 'string', default: '200000' }, servers: { type: 'string', default: '4' } },
})
const most = wholeOf('keys', SMALL)
const many = wholeOf('servers', 2)

function wholeOf(name: 'keys' | 'servers', least: number): number {
  const value = Number(values[name])
  if (Number.isInteger(value) && value >= least) return value
  console.error(`--${name}: expected a whole number, ${least} at least, got '${values[name]}'`)
  process.exit(2)
}

/** What is used of a server's heap when it has tidied up, in bytes. */
function heapOf({ pid }: ZooKeeperServer): number {
  const jcmd = (command: string) => execFileSync('jcmd', [String(pid), command], { encoding: 'utf8' })
  jcmd('GC.run')
  const used = /heap\s+total \d+K, used (\d+)K/.exec(jcmd('GC.heap_info'))
  return Number(used?.[1] ?? Number.NaN) * 1024
}

const heapsOf = (servers: readonly ZooKeeperServer[]): number =>
  servers.map(heapOf).reduce((a, b) => a + b, 0)

async function measure(script: string, keys: number, count: number): Promise<void> {
  const heap = Math.ceil((LEAST_HEAP + (keys / count) * HEAP_A_KEY) / 2 ** 20)
  const options = { jvmArgs: [`-Xms${heap}m`, `-Xmx${heap}m`], tickTime: 2000 }
  const servers = await Promise.all(Array.from({ length: count }, () => startZooKeeper(options)))
  try {
    const empty = heapsOf(servers)
    const order: Order = { keys, ensembles: servers.map(server => server.servers) }
    const child = fork(script, [JSON.stringify(order)], { execArgv: ['--expose-gc'] })
    const figures: Record<string, number | string> = { keys, servers: count }
    child.on('message', ({ name, value }: Step) => {
      if (value !== undefined) figures[name] = Math.round(value)
      if (name === 'load') figures['server heap, bytes a key'] = Math.round((heapsOf(servers) - empty) / keys)
      if (name === 'outage') servers.at(-1)!.pause()
      if (name === 'outage is over') servers.at(-1)!.resume()
      child.send('go on')
    })
    const [code] = await once(child, 'exit')
    if (code !== 0) throw new Error(`the measuring process ended with ${code}`)
    console.log(JSON.stringify(figures))
  } finally {
    for (const server of servers) server.resume()
    await Promise.all(servers.map(server => server.stop()))
  }
}

using scripts = await bundle({ measure: 'growth/measure.ts' })
for (const [keys, count] of [
  [SMALL, 1],
  [SMALL, many],
  [most, 1],
  [most, many],
] as const) {
  await measure(scripts.measure, keys, count)
}
