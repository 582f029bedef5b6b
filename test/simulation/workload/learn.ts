import type { Entry, MutationResult } from '../../../src/store/kv-store.ts'
import { carriedOutAt, isShown, shownBy } from './observations.ts'
import type { Operation, Run } from './observed.ts'

/** What a store has seen once an operation is done: it is held to it from then on. */
export function learn(operation: Operation, run: Run): void {
  const { store, outcome, values } = operation
  if (outcome === undefined || outcome.error !== undefined) return
  operation.zxid = carriedOutAt(run, operation, run.world.clock.now)
  if (operation.zxid !== undefined) store.floor = Math.max(store.floor, operation.zxid)
  for (const observation of shownBy(operation)) {
    const { key, version } = observation
    const state = run.truth
      .ofKey(store.plan.root, key)
      .find(each => isShown(observation, each) && each.untilZxid > operation.floor)
    if (state !== undefined) store.floor = Math.max(store.floor, state.zxid)
    if (version === undefined) store.seen.delete(key)
    else store.seen.set(key, version)
  }
  for (const value of values.flat() as (Entry<unknown> | MutationResult<unknown> | undefined)[]) {
    const entry = typeof value === 'object' && value !== null && 'type' in value ? undefined : value
    if (entry !== undefined && typeof entry === 'object' && 'version' in entry) {
      store.seen.set(entry.key, entry.version)
    }
  }
}
