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

const GROUP = 256
const IN_FLIGHT = 8

/** The frames of one order, used again with another stamp of the same length, and where in them it stands. */
interface Prepared {
  readonly wire: Wire
  readonly frames: readonly Buffer[]
  readonly stamped: readonly (readonly [frame: Buffer, at: number])[]
}

const prepared = new Map<string, Prepared>()

async function prepare({ servers, root, count, stamp }: WriteOrder): Promise<Prepared> {
  const paths = Array.from({ length: count }, (_, i) => `${root}/${keyAt(i)}`)
  const value = filled(stamp)
  const frames = framesOf(paths, GROUP, group => writeFrame(group, value))
  const stamped = frames.flatMap(frame => occurrences(frame, stamp).map(at => [frame, at] as const))
  return { wire: await Wire.connect(servers), frames, stamped }
}

function occurrences(frame: Buffer, stamp: string): number[] {
  const found: number[] = []
  for (let at = frame.indexOf(stamp); at >= 0; at = frame.indexOf(stamp, at + 1)) found.push(at)
  return found
}

async function write(order: WriteOrder): Promise<void> {
  const id = `${order.servers} ${order.root} ${order.count}`
  let work = prepared.get(id)
  if (work === undefined) {
    work = await prepare(order)
    prepared.set(id, work)
  } else for (const [frame, at] of work.stamped) frame.write(order.stamp, at, 'latin1')
  await work.wire.sendAll(work.frames, IN_FLIGHT)
}

process.on('message', (order: WriteOrder) => {
  write(order).then(
    () => process.send!('written'),
    (error: unknown) => process.send!({ error: String(error) }),
  )
})
process.on('disconnect', () => process.exit())
