import { setTimeout as sleep } from 'node:timers/promises'
import type { FaultProxy } from './proxy.ts'
import type { ZooKeeperServer } from './server.ts'
import { checkFaults, momentOf, type StoreFault, turnsOf } from './store-faults.ts'

/** The target of {@link inflictFaults}. */
export interface FaultTarget {
  /** The server whose sessions expire. */
  readonly server: ZooKeeperServer
  /** The proxy between it and the store, which has the proxy's `servers`. */
  readonly proxy: FaultProxy
  /**
   * How many real milliseconds one millisecond of the schedule takes.
   * @defaultValue 1
   */
  readonly scale?: number | undefined
  /**
   * Makes another client write a key.
   * @defaultValue nobody writes
   */
  readonly otherWrite?: ((key: string) => Promise<unknown>) | undefined
}

/**
 * Inflicts the faults of a schedule, made for `faultyStore`, on a real server and its network, so that the same test
 * runs on both. In the first half of an outage requests do not arrive (`unanswered: 'dropped'`) or answers do not
 * (`'done'`), then the connections are reset and no others made; where it is `lost`, the session is ended on the
 * server.
 *
 * Resolves when all faults are over and the other client's writes are done. `INVALID_ARGUMENT` for an invalid fault.
 *
 * @example
 * ```ts no-run
 * import { firstValueFrom } from 'rxjs'
 * import { text, zookeeperStore } from 'rxkeeper'
 * import { inflictFaults, startProxy, startZooKeeper } from 'rxkeeper/testing'
 *
 * await using server = await startZooKeeper()
 * await using proxy = await startProxy(server.servers)
 * await using store = zookeeperStore({ servers: proxy.servers, root: '/faults', value: text })
 * const inflicted = inflictFaults([{ type: 'lost', at: 5, lasts: 20, unanswered: 'done' }], { server, proxy, scale: 20 })
 * await firstValueFrom(store.put$('alice', 'here'))
 * await inflicted
 * ```
 */
export async function inflictFaults(faults: readonly StoreFault[], target: FaultTarget): Promise<void> {
  checkFaults(faults)
  const { server, proxy, scale = 1, otherWrite } = target
  const begun = performance.now()
  const until = async (time: number): Promise<void> => {
    const delay = begun + time * scale - performance.now()
    if (delay > 0) await sleep(delay)
  }
  const writing = faults.map(async fault => {
    if (fault.type !== 'write') return
    await until(fault.at)
    await otherWrite?.(fault.key)
  })
  const written = Promise.all(writing)
  written.catch(() => {}) // reported at the end
  const halves = faults.map(fault => ('unanswered' in fault ? fault.at + fault.lasts / 2 : fault.at))
  const turns = new Set([...turnsOf(faults), ...halves])
  try {
    for (const turn of [...turns].sort((a, b) => a - b)) {
      if (turn > 0) await until(turn)
      const { outages, slower } = momentOf(faults, turn)
      const broken = outages.filter(({ at, lasts }) => turn >= at + lasts / 2)
      const lost = broken.some(({ type }) => type === 'lost')
      const sessions = lost ? await server.sessions(proxy) : []
      const way = (unanswered: 'done' | 'dropped') => ({
        delay: (slower * scale) / 2,
        cut: outages.some(outage => outage.unanswered === unanswered),
      })
      proxy.set({
        connect: broken.length > 0 ? 'reset' : 'forward',
        toServer: way('dropped'),
        toClient: way('done'),
      })
      if (broken.length > 0) proxy.reset()
      for (const session of sessions) await server.expireSession(session)
    }
  } finally {
    proxy.set()
    await written
  }
}
