import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Figure } from './machine.ts'

/** How long a server may take to answer, in milliseconds. */
const PATIENCE = 2000

/** What is of interest in an answer to `mntr`. */
const FIGURES: readonly (readonly [field: string, metric: string, unit: string])[] = [
  ['zk_avg_latency', 'latency', 'ms'],
  ['zk_outstanding_requests', 'outstanding', 'requests'],
  ['zk_num_alive_connections', 'connections', 'connections'],
  ['zk_znode_count', 'znodes', 'znodes'],
]

/** Sends ZooKeeper's four letter word `mntr`; the server answers with lines of names and values, and hangs up. */
function mntr(server: string): Promise<string> {
  const [, host = '', port] = /^(.*):(\d+)$/.exec(server) ?? []
  const socket = connect(Number(port), host)
  socket.setTimeout(PATIENCE, () => socket.destroy(new Error('no answer')))
  socket.write('mntr')
  return text(socket)
}

/** Reads the figures of a ZooKeeper server; of one that serves nobody, that it is down. */
export async function readZooKeeper(server: string): Promise<Figure[]> {
  const answer = await mntr(server).catch(() => '')
  if (answer.includes('whitelist')) {
    throw new Error(`${server} must permit the word: 4lw.commands.whitelist=mntr in its configuration`)
  }
  const figures = FIGURES.flatMap(([field, metric, unit]) => {
    const value = Number(new RegExp(`^${field}\\t([\\d.]+)$`, 'm').exec(answer)?.[1])
    return Number.isFinite(value) ? [{ metric: `zookeeper/${server}/${metric}`, value, unit }] : []
  })
  const down = figures.length === 0 ? 1 : 0
  return [{ metric: `zookeeper/${server}/down`, value: down, unit: '' }, ...figures]
}
