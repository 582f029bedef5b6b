import type { Invariant } from './invariant.ts'
import { isMistaken } from './neighbours.ts'

/** Once everything is well again, every store serves every key. */
export const available: Invariant = {
  name: 'available',
  atRest(run) {
    for (const operation of run.operations) {
      const { id, outcome, store, withdrawn } = operation
      if (!id.startsWith('probe') || withdrawn || store.killed || store.closeAskedAt !== undefined) continue
      if (outcome === undefined) return `${id} is not answered`
      if (outcome.error !== undefined && !isMistaken(operation, run)) {
        return `${id} failed with ${outcome.error.code}: ${outcome.error.message}`
      }
    }
    return undefined
  },
}
