import type { Run } from '../workload/observed.ts'
import type { Invariant } from './invariant.ts'

/** How often each value was written, by the operation that its text names; a value written twice in one transaction counts once. */
export function writesById(run: Run): Map<string, { readonly key: string; readonly zxid: number }[]> {
  const writes = new Map<string, { readonly key: string; readonly zxid: number }[]>()
  for (const root of new Set(run.stores.map(({ plan }) => plan.root))) {
    for (const [key, states] of run.truth.keys(root)) {
      for (const { text, zxid } of states) {
        const by = text === undefined ? undefined : /^\{"by":"([^"]*)"/.exec(text)?.[1]
        if (by === undefined) continue
        const known = writes.get(by)
        if (known === undefined) writes.set(by, [{ key, zxid }])
        else known.push({ key, zxid })
      }
    }
  }
  return writes
}

/** What failed with anything but `INDETERMINATE` was not carried out; what is conditional was carried out at most once. */
export const definiteErrors: Invariant = {
  name: 'definite-errors',
  atEnd(run) {
    const writes = writesById(run)
    for (const { id, outcome, call, conditions } of run.operations) {
      const done = writes.get(id) ?? []
      const error = outcome?.error
      if (error !== undefined && error.code !== 'INDETERMINATE' && done.length > 0) {
        return `${id} failed with ${error.code} (${error.message}), but was carried out`
      }
      const zxids = new Set(done.map(({ zxid }) => zxid))
      if (zxids.size > 1 && (call.type === 'update' || conditions.size > 0)) {
        return `${id} was carried out ${zxids.size} times`
      }
    }
    return undefined
  },
}
