import { COUNTERS } from '../workload/keys.ts'
import type { Run } from '../workload/observed.ts'
import type { Value } from '../workload/plan.ts'
import type { Invariant, Problem } from './invariant.ts'

interface Count {
  acknowledged: number
  unknown: number
}

/** How often a key was counted up for sure, and how often perhaps. */
function countOf(run: Run, root: string, key: string): Count {
  const count: Count = { acknowledged: 0, unknown: 0 }
  for (const { store, call, outcome, withdrawn } of run.operations) {
    if (store.plan.root !== root || call.type !== 'update' || call.key !== key) continue
    if (outcome === undefined) count.unknown += withdrawn || store.killed ? 1 : 0
    else if (outcome.error === undefined) count.acknowledged++
    else if (outcome.error.code === 'INDETERMINATE') count.unknown++
  }
  for (const { store, operator, records, fed, outputs } of run.pipelines) {
    if (store.plan.root !== root || (operator !== 'processKV' && operator !== 'updateKV')) continue
    records.slice(0, fed).forEach((record, index) => {
      if (record.key !== key) return
      if (outputs.includes(index)) count.acknowledged++
      else count.unknown++
    })
  }
  return count
}

function check(run: Run, root: string, key: string): Problem {
  const { acknowledged, unknown } = countOf(run, root, key)
  const text = run.truth.ofKey(root, key).at(-1)!.text
  const final = text === undefined ? 0 : (JSON.parse(text) as Value).n
  if (acknowledged <= final && final <= acknowledged + unknown) return undefined
  return `${key} is ${final}, after ${acknowledged} acknowledged increments and ${unknown} of unknown outcome`
}

/** Counters: acknowledged ≤ final ≤ acknowledged + indeterminate, whoever counts. */
export const counters: Invariant = {
  name: 'counters',
  atEnd(run) {
    for (const root of new Set(run.stores.map(({ plan }) => plan.root))) {
      for (const key of COUNTERS) {
        const problem = check(run, root, key)
        if (problem !== undefined) return problem
      }
    }
    return undefined
  },
}
