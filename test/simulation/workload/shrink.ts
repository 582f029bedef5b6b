import type { Plan, Step, StorePlan } from './plan.ts'
import { carryOut, type Violation } from './running.ts'

/** A plan that is as small as can be and still breaks the same promise. */
export interface Shrunk {
  readonly plan: Plan
  readonly violation: Violation
}

const NEVER_OPENED = Number.POSITIVE_INFINITY

/** Without some steps; the others keep their names. */
const only = (plan: Plan, keep: (step: Step) => boolean): Plan => ({
  ...plan,
  steps: plan.steps.filter(keep),
})

/** The simpler forms of a step that are worth a try. */
function* simpler(step: Step): Iterable<Step> {
  if ('reaction' in step && step.reaction !== undefined) {
    const { reaction, ...rest } = step
    yield rest as Step
    if (reaction.do.type === 'call' && reaction.do.reaction !== undefined) {
      const { reaction: _, ...inner } = reaction.do
      yield { ...step, reaction: { ...reaction, do: inner } } as Step
    }
  }
  if (step.do === 'pipeline') {
    for (let left = 1; left < step.records.length; left *= 2)
      yield { ...step, records: step.records.slice(0, left) }
  }
  if (step.do === 'call' && step.unsubscribeAfter !== undefined) {
    const { unsubscribeAfter: _, ...rest } = step
    yield rest
  }
}

function* plainer(store: StorePlan): Iterable<StorePlan> {
  yield { ...store, openAt: NEVER_OPENED }
  if (store.cache > 0) yield { ...store, cache: 0 }
  if (store.consistency !== 'session') yield { ...store, consistency: 'session' }
  if (store.buckets > 0) yield { ...store, buckets: 0 }
}

/** Leaves out and simplifies what can be, greedily, while the same invariant is violated. */
export async function shrink(plan: Plan, violation: Violation): Promise<Shrunk> {
  let best: Shrunk = { plan, violation }
  const attempt = async (smaller: Plan): Promise<boolean> => {
    const { violation: found } = await carryOut(smaller)
    if (found?.invariant !== violation.invariant) return false
    best = { plan: smaller, violation: found }
    return true
  }
  for (let size = Math.ceil(plan.steps.length / 2); ; size = Math.ceil(size / 2)) {
    for (let from = 0; from < best.plan.steps.length; ) {
      const gone = new Set(best.plan.steps.slice(from, from + size))
      if (!(await attempt(only(best.plan, step => !gone.has(step))))) from += size
    }
    if (size <= 1) break
  }
  for (const [i] of best.plan.stores.entries()) {
    for (const store of plainer(best.plan.stores[i]!)) {
      await attempt({ ...best.plan, stores: best.plan.stores.with(i, store) })
    }
  }
  for (const [i] of best.plan.steps.entries()) {
    for (const step of simpler(best.plan.steps[i]!)) {
      if (await attempt({ ...best.plan, steps: best.plan.steps.with(i, step) })) break
    }
  }
  return best
}
