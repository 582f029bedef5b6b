import { framesOf, Wire, writeFrame } from '../contenders/wire.ts'
import { filled, keyAt } from './work.ts'

/*
 * The process of the other client, whose writes watchers are to see: as fast as multi and bare frames make it, so that
 * nobody waits for it.
 */

/** What it is asked for. */
export interface WriteOrder {
  readonly servers: string
  readonly root: string
  readonly count: number
  readonly stamp: string
}

const GROUP = 100
const IN_FLIGHT = 8

/** The frames of one order, used again with another stamp of the same length. */
interface Prepared {
  readonly wire: Wire
  readonly frames: readonly Buffer[]
  stamp: string
}

const prepared = new Map<string, Prepared>()

async function prepare({ servers, root, count, stamp }: WriteOrder): Promise<Prepared> {
  const paths = Array.from({ length: count }, (_, i) => `${root}/${keyAt(i)}`)
  const value = filled(stamp)
  const frames = framesOf(paths, GROUP, group => writeFrame(group, value))
  return { wire: await Wire.connect(servers), frames, stamp }
}

function restamp(work: Prepared, stamp: string): void {
  for (const frame of work.frames) {
    for (let at = frame.indexOf(work.stamp); at >= 0; at = frame.indexOf(work.stamp, at))
      frame.write(stamp, at)
  }
  work.stamp = stamp
}

async function write(order: WriteOrder): Promise<void> {
  const id = `${order.servers} ${order.root} ${order.count}`
  let work = prepared.get(id)
  if (work === undefined) {
    work = await prepare(order)
    prepared.set(id, work)
  } else restamp(work, order.stamp)
  await work.wire.sendAll(work.frames, IN_FLIGHT)
}

process.on('message', (order: WriteOrder) => {
  write(order).then(
    () => process.send!('written'),
    (error: unknown) => process.send!({ error: String(error) }),
  )
})
process.on('disconnect', () => process.exit())
