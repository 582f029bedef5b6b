import { GARBAGE, HIDDEN } from '../workload/keys.ts'
import type { Invariant } from './invariant.ts'
import { isMistaken } from './neighbours.ts'

/** A watch never ends before its store is closed, but for what is wrong with its own keys. */
export const streamsLast: Invariant = {
  name: 'streams-last',
  streamEnded(stream, run) {
    const { id, store, key, ended } = stream
    if (store.closeAskedAt !== undefined || ended === undefined) return undefined
    if (ended === 'completed') return `${id} completed`
    const all = stream.type === 'changes'
    const its =
      (ended.code === 'CODEC' && (all || key === GARBAGE)) ||
      (ended.code === 'AUTH' && (all || key === HIDDEN)) ||
      (ended.code === 'INVALID_ARGUMENT' && isMistaken(stream, run))
    return its ? undefined : `${id} failed with ${ended.code}: ${ended.message}`
  },
}
