import { HIDDEN } from '../workload/keys.ts'
import { isShown, shownBy } from '../workload/observations.ts'
import type { Operation, Run } from '../workload/observed.ts'
import { keysOf } from '../workload/perform.ts'
import type { Invariant } from './invariant.ts'

/** What a read must not be older than: what its store has shown, and what was written through it before it was asked for. */
export function floorOf(operation: Operation, key: string, run: Run): number {
  let floor = operation.floor
  // A listing does not wait for writes that are under way.
  if (operation.call.type === 'entries' || operation.call.type === 'keys') return floor
  for (const other of run.operations) {
    if (other.order >= operation.order) break
    if (other.store !== operation.store || other.zxid === undefined || other.zxid <= floor) continue
    // An update reads first; what is asked for meanwhile does not wait for it.
    if (other.call.type === 'update') continue
    if (keysOf(other.call).includes(key)) floor = other.zxid
  }
  return floor
}

/** A store sees its own writes, and never goes back in time, with or without a cache. */
export const freshReads: Invariant = {
  name: 'fresh-reads',
  settled(operation, run) {
    const { store, call, outcome } = operation
    if (outcome?.error !== undefined || outcome === undefined) return undefined
    const { root } = store.plan
    const shown = shownBy(operation)
    for (const observation of shown) {
      const { key, text, version } = observation
      // Of what may not be read, a server tells nothing.
      if (key === HIDDEN) continue
      const states = run.truth.ofKey(root, key).filter(state => isShown(observation, state))
      const what = `${operation.id} showed ${key} = ${text?.slice(0, 80)}${version === undefined ? '' : ` (version ${version})`}`
      if (states.length === 0) return `${what}, which never was`
      const floor = floorOf(operation, key, run)
      if (!states.some(({ untilZxid }) => untilZxid > floor)) {
        return `${what}, which was over at ${states.at(-1)!.untilZxid}; the store had seen or written ${floor}`
      }
    }
    if ((call.type !== 'entries' && call.type !== 'keys') || call.limit !== undefined) return undefined
    const listed = new Set(
      call.type === 'keys' ? (operation.values as string[]) : shown.map(({ key }) => key),
    )
    for (const [key, states] of run.truth.keys(root)) {
      const floor = floorOf(operation, key, run)
      if (
        !listed.has(key) &&
        states.every(({ text, untilZxid }) => text !== undefined || untilZxid <= floor)
      ) {
        return `${operation.id} did not list ${key}, which was there all the time`
      }
      if (
        listed.has(key) &&
        states.every(({ text, untilZxid }) => text === undefined || untilZxid <= floor)
      ) {
        return `${operation.id} listed ${key}, which was not there any more`
      }
    }
    return undefined
  },
}
