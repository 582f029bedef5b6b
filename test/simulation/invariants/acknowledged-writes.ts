import type { Entry, MutationResult } from '../../../src/store/kv-store.ts'
import { current, during, writtenBy } from '../workload/observations.ts'
import type { Operation, Run } from '../workload/observed.ts'
import type { Invariant, Problem } from './invariant.ts'

/** The version that was told of each key that was put. */
function versionsOf({ call, values }: Operation): Map<string, number> {
  const entries: (Entry<unknown> | undefined)[] =
    call.type === 'put' || call.type === 'update'
      ? [values[0] as Entry<unknown> | undefined]
      : call.type === 'putAll'
        ? (values[0] as Entry<unknown>[])
        : call.type === 'transact'
          ? (values[0] as MutationResult<unknown>[]).flatMap(each =>
              each.type === 'put' ? [each.entry] : [],
            )
          : []
  return new Map(entries.flatMap(entry => (entry === undefined ? [] : [[entry.key, entry.version]])))
}

function isDelete({ call, values }: Operation): string | undefined {
  if (call.type === 'delete') return call.key
  return call.type === 'update' && values[0] === undefined ? call.key : undefined
}

function check(operation: Operation, run: Run, now: number): Problem {
  const { id, store, conditions, values } = operation
  const versions = versionsOf(operation)
  const deleted = isDelete(operation)
  for (const [key, text] of writtenBy(operation)) {
    if (text === undefined) continue
    const done = during(run, operation, key, now).filter(each => each.text === text)
    if (done.length === 0) return `${id} was acknowledged, but ${key} was not written while it was under way`
    const version = versions.get(key)
    // -1 where the answer was lost and it was overwritten since: done, but nobody can tell as which version.
    if (version !== -1 && !done.some(({ node }) => node?.version === version)) {
      return `${id} told version ${version} of ${key}, which has ${done[0]!.node?.version}`
    }
    const states = run.truth.ofKey(store.plan.root, key)
    const expected = conditions.get(key)
    const before = done.map(state => states[states.indexOf(state) - 1]!)
    const held = before.some(({ node }) =>
      expected === 'absent' ? node === undefined : expected === undefined || node?.version === expected,
    )
    if (!held) return `${id} was acknowledged, but ${key} did not have version ${expected} before it`
  }
  if (deleted === undefined) return undefined
  const existed = operation.call.type === 'delete' ? values[0] === true : undefined
  const gone =
    existed === true
      ? during(run, operation, deleted, now).some(({ text }) => text === undefined)
      : current(run, operation, deleted, now).some(({ text }) => text === undefined)
  return gone ? undefined : `${id} was acknowledged (${values[0]}), but ${deleted} was not deleted meanwhile`
}

/** An acknowledged write was carried out between its call and its answer, on its condition, as it was told. */
export const acknowledgedWrites: Invariant = {
  name: 'acknowledged-writes',
  settled(operation, run, now) {
    if (operation.outcome === undefined || operation.outcome.error !== undefined) return undefined
    return check(operation, run, now)
  },
}
