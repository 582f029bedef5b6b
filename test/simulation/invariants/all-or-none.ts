import { writesById } from './definite-errors.ts'
import type { Invariant } from './invariant.ts'

/** The writes of a transaction are carried out together, or none of them. */
export const allOrNone: Invariant = {
  name: 'all-or-none',
  atEnd(run) {
    const writes = writesById(run)
    for (const { id, call, puts } of run.operations) {
      if (call.type !== 'putAll' && call.type !== 'transact') continue
      const keys = new Map<number, Set<string>>()
      for (const { key, zxid } of writes.get(id) ?? []) {
        const known = keys.get(zxid)
        if (known === undefined) keys.set(zxid, new Set([key]))
        else known.add(key)
      }
      for (const [zxid, done] of keys) {
        if (done.size < puts.size) return `${id} wrote ${[...done]} at ${zxid}, of ${[...puts.keys()]}`
      }
    }
    return undefined
  },
}
