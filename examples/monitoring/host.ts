/**
 * System monitoring, the hosts: reads the figures of this machine, and of ZooKeeper servers on it, and keeps of each what
 * is known: the last, the least, the greatest, the moving average. One key per host and metric, one process per host.
 *
 *   npx tsx --conditions=rxkeeper-source examples/monitoring/host.ts --help
 */
import { hostname } from 'node:os'
import { parseArgs } from 'node:util'
import { exhaustMap, mergeMap, timer } from 'rxjs'
import { job, json, openStore } from 'rxkeeper'
import { keepRunning, PATIENCE } from './keep-running.ts'
import { machineReader } from './machine.ts'
import { addReading, type Metric, metricKey, type Reading } from './metric.ts'
import { readZooKeeper } from './zookeeper.ts'

const USAGE = `Writes the figures of this machine into a store: cpu, load, memory, disk, and those of ZooKeeper servers.

  host.ts --store URL [--name NAME] [--interval SECONDS] [--zookeeper HOST:PORT]…

  --store URL             lmdb:FOLDER or zookeeper://HOST:PORT,…/ROOT; without it, what RXKEEPER_STORE says
  --name NAME             what this host is called; without it, ${hostname()}
  --interval SECONDS      from reading to reading; without it, 1
  --zookeeper HOST:PORT   a server that is asked, too (mntr); may be repeated
  --help                  shows this`

interface Arguments {
  readonly store: string | undefined
  readonly host: string
  /** In milliseconds. */
  readonly interval: number
  readonly servers: readonly string[]
}

function readArguments(args: string[]): Arguments | undefined {
  const { values } = parseArgs({
    args,
    options: {
      store: { type: 'string' },
      name: { type: 'string', default: hostname() },
      interval: { type: 'string', default: '1' },
      zookeeper: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return undefined
  const { store, name: host, zookeeper: servers } = values
  const interval = 1000 * Number(values.interval)
  if (!(interval >= 100 && interval <= 3_600_000)) {
    throw new Error(`--interval must be from 0.1 to 3600 seconds, got ${values.interval}`)
  }
  if (!/^[^/]+$/.test(host)) throw new Error(`--name must be a name without '/', got '${host}'`)
  const wrong = servers.find(server => !/^.+:\d+$/.test(server))
  if (wrong !== undefined) throw new Error(`--zookeeper must be HOST:PORT, got '${wrong}'`)
  return { store, host, interval, servers }
}

/** The job of one host. */
function hostJob({ store, host, interval, servers }: Arguments) {
  const readMachine = machineReader()
  const read = async (): Promise<Reading[]> => {
    const figures = await Promise.all([readMachine(), ...servers.map(readZooKeeper)])
    return figures.flat().map(figure => ({ host, ...figure, at: Date.now(), interval }))
  }
  return job({
    name: `host ${host}`,
    publish: `host ${host}`,
    value: json<Metric>(),
    store: () => openStore(store, { value: json<Metric>(), timeout: PATIENCE }),
    // A look that takes long leaves out the next.
    input: () =>
      timer(0, interval).pipe(
        exhaustMap(read),
        mergeMap(readings => readings),
      ),
    keyOf: metricKey,
    transform: addReading,
  })
}

try {
  const given = readArguments(process.argv.slice(2))
  if (given === undefined) console.log(USAGE)
  else await keepRunning(hostJob(given))
} catch (error) {
  console.error(`host: ${(error as Error).message} (--help shows what there is)`)
  process.exitCode = 1
}
