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
const wires = new Map<string, Promise<Wire>>()

async function write({ servers, root, count, stamp }: WriteOrder): Promise<void> {
  let wire = wires.get(servers)
  if (wire === undefined) {
    wire = Wire.connect(servers)
    wires.set(servers, wire)
  }
  const value = filled(stamp)
  const paths = Array.from({ length: count }, (_, i) => `${root}/${keyAt(i)}`)
  const frames = framesOf(paths, GROUP, group => writeFrame(group, value))
  await (await wire).sendAll(frames, IN_FLIGHT)
}

process.on('message', (order: WriteOrder) => {
  write(order).then(
    () => process.send!('written'),
    (error: unknown) => process.send!({ error: String(error) }),
  )
})
process.on('disconnect', () => process.exit())
