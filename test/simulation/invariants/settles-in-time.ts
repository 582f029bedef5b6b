import type { Invariant } from './invariant.ts'

/** How much later than its time an operation may settle, in milliseconds. */
const TOLERANCE = 50

/** Every operation settles within its own time and is not given up before, whatever travels with it. */
export const settlesInTime: Invariant = {
  name: 'settles-in-time',
  settled({ id, store, call, timeout, askedAt, outcome }, _run, now) {
    // The pages of a listing have their time each. A process that was paused can not be in time.
    if (call.type === 'entries' || call.type === 'keys' || store.party.pausedUntil > askedAt) return undefined
    if (outcome?.error?.code === 'TIMEOUT' && now - askedAt < timeout - 1) {
      return `${id} was given up after ${Math.round(now - askedAt)} ms, its timeout is ${timeout} ms`
    }
    if (outcome === undefined || now - askedAt <= timeout + TOLERANCE) return undefined
    return `${id} settled after ${Math.round(now - askedAt)} ms (${outcome.error?.code ?? 'done'}), its timeout is ${timeout} ms`
  },
}
