import type { Invariant } from './invariant.ts'

/** Once what was asked for is settled, the engine drains for 5 s and ends the session for 1 s; in milliseconds. */
const AT_MOST = 6100

/** `close()` settles, in every state, and nothing is held after it: no timer, no socket. */
export const closeSettles: Invariant = {
  name: 'close-settles',
  closed(store, run, now) {
    const { index, plan, party, closeAskedAt } = store
    const took = now - closeAskedAt!
    // What was asked for before has its whole time.
    let longest = plan.timeout
    for (const operation of run.operations) {
      if (operation.store === store) longest = Math.max(longest, operation.timeout)
    }
    if (took > AT_MOST + longest && party.pausedUntil <= closeAskedAt!)
      return `store ${index} took ${Math.round(took)} ms to close`
    const sockets = run.world.network.held(party)
    return sockets === 0 ? undefined : `store ${index} is closed and holds ${sockets} sockets`
  },
  atEnd(run) {
    for (const { index, killed, closedAt, party } of run.stores) {
      if (killed) continue
      if (closedAt === undefined) return `store ${index} never closed`
      if (party.pending > 0) return `store ${index} is closed and has ${party.pending} timers`
    }
    return undefined
  },
}
