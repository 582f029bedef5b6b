import { HIDDEN } from '../workload/keys.ts'
import type { Invariant } from './invariant.ts'

/** A stream shows states that were, never one older than the last, and none twice. */
export const watchedValues: Invariant = {
  name: 'watched-values',
  emitted(stream, key, value, run) {
    // Of what may not be read, a server tells nothing.
    if (key === HIDDEN) return undefined
    const text = value === undefined ? undefined : JSON.stringify(value)
    const states = run.truth.ofKey(stream.store.plan.root, key)
    const last = stream.fold.get(key)
    const what = `${stream.id} showed ${key} = ${text?.slice(0, 80)}`
    const matching = states.filter(state => state.text === text && state.untilZxid > stream.floor)
    if (matching.length === 0) return `${what}, which it was not since it was subscribed to`
    const next = matching.find(({ zxid }) => last === undefined || zxid > last.zxid)
    if (next !== undefined) {
      stream.fold.set(key, { text, zxid: next.zxid })
      return undefined
    }
    return matching.some(({ zxid }) => zxid === last?.zxid)
      ? `${what} twice`
      : `${what}, which is older than ${last?.text?.slice(0, 80)}`
  },
  atRest(run) {
    for (const { id, store, type, key, fold, ended, unsubscribed } of run.streams) {
      if (
        type !== 'watch' ||
        key === HIDDEN ||
        ended !== undefined ||
        unsubscribed ||
        store.killed ||
        store.closeAskedAt !== undefined
      )
        continue
      const text = run.truth.ofKey(store.plan.root, key!).at(-1)!.text
      if (!fold.has(key!)) return `${id} showed nothing of ${key}`
      if (fold.get(key!)!.text !== text) return `${id} showed ${fold.get(key!)!.text} last, ${key} is ${text}`
    }
    return undefined
  },
}
