import { current, isShown, shownBy } from '../workload/observations.ts'
import type { Invariant } from './invariant.ts'

/** With `consistency: 'linearizable'` a read shows what there was at a moment between its call and its answer. */
export const linearizableReads: Invariant = {
  name: 'linearizable-reads',
  settled(operation, run, now) {
    const { store, outcome, askedAt } = operation
    if (store.plan.consistency !== 'linearizable' || outcome?.error !== undefined) return undefined
    for (const observation of outcome === undefined ? [] : shownBy(operation)) {
      const { key, text } = observation
      if (current(run, operation, key, now).some(state => isShown(observation, state))) continue
      return `${operation.id}, asked for at ${askedAt.toFixed(1)}, showed ${key} = ${text?.slice(0, 80)}, which it was not since`
    }
    return undefined
  },
}
