import { childrenOf, commit, type PlainClient } from '../contenders/plain.ts'
import { createFrame, deleteFrame, framesOf, type Wire } from '../contenders/wire.ts'

const GROUP = 500
const IN_FLIGHT = 4
/** Below the server's limit of a packet. */
const FRAME_BYTES = 800_000

/** Creates nodes. */
export function createAll(wire: Wire, paths: readonly string[], value: Buffer): Promise<void> {
  const size = Math.max(1, Math.min(GROUP, Math.floor(FRAME_BYTES / (value.length + 150))))
  return wire.sendAll(
    framesOf(paths, size, group => createFrame(group, value)),
    IN_FLIGHT,
  )
}

/** Deletes a node and all below it. */
export async function removeTree(client: PlainClient, wire: Wire, path: string): Promise<void> {
  const paths = (await childrenOf(client, path)).map(child => `${path}/${child}`)
  try {
    await wire.sendAll(framesOf(paths, GROUP, deleteFrame), IN_FLIGHT)
  } catch {
    // Some have children; what is left goes one by one.
    for (const child of await childrenOf(client, path)) await removeTree(client, wire, `${path}/${child}`)
  }
  await commit(client, transaction => transaction.remove(path))
}

/** As {@link removeTree}, where a client that was ended may have had requests under way, which the server carries out. */
export async function removeTreeAtLast(client: PlainClient, wire: Wire, path: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await removeTree(client, wire, path)
      return
    } catch (error) {
      if (tries === 5) throw error
      await new Promise(resolve => setTimeout(resolve, 200))
    }
  }
}
