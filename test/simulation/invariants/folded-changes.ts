import { HIDDEN } from '../workload/keys.ts'
import type { Run, Stream } from '../workload/observed.ts'
import type { Invariant, Problem } from './invariant.ts'

const isIn = (stream: Stream, key: string): boolean =>
  stream.prefix === undefined || key.startsWith(stream.prefix)

/** The fold of a stream of changes against what its keys were since `floor`. */
function compare(stream: Stream, run: Run, floor: number): Problem {
  const { id, fold, store } = stream
  for (const [key, states] of run.truth.keys(store.plan.root)) {
    // Of what may not be read, a server tells nothing.
    if (!isIn(stream, key) || key === HIDDEN) continue
    const folded = fold.get(key)?.text
    if (states.some(({ text, untilZxid }) => text === folded && untilZxid > floor)) continue
    return `${id}: by its changes ${key} is ${folded?.slice(0, 80)}, it is ${states.at(-1)!.text?.slice(0, 80)}`
  }
  return undefined
}

/** What `changes$` emitted, folded, is the content: when it says `synced`, and when all is at rest. */
export const foldedChanges: Invariant = {
  name: 'folded-changes',
  synced(stream, run) {
    return compare(stream, run, stream.syncedFloor)
  },
  atRest(run) {
    for (const stream of run.streams) {
      const { type, store, ended, unsubscribed } = stream
      if (type !== 'changes' || ended !== undefined || unsubscribed) continue
      if (store.killed || store.closeAskedAt !== undefined) continue
      if (stream.synced === 0) return `${stream.id} never said synced`
      const problem = compare(stream, run, Number.MAX_SAFE_INTEGER)
      if (problem !== undefined) return problem
    }
    return undefined
  },
}
