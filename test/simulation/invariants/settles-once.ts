import type { Invariant } from './invariant.ts'

/** Every operation settles exactly once, with one value where it has one. */
export const settlesOnce: Invariant = {
  name: 'settles-once',
  settled({ id, ends, call, values, outcome }) {
    if (ends > 1) return `${id} ended ${ends} times`
    if (call.type === 'entries' || call.type === 'keys' || outcome?.error !== undefined) return undefined
    return values.length === 1 ? undefined : `${id} emitted ${values.length} values`
  },
  atEnd(run) {
    const open = run.operations.find(
      ({ ends, withdrawn, store }) => ends === 0 && !withdrawn && !store.killed,
    )
    return open === undefined ? undefined : `${open.id} never settled`
  },
}
