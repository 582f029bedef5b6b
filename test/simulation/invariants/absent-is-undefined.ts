import type { Invariant } from './invariant.ts'

/** Absent is `undefined`, everywhere: never `null`, never a key of a map. */
export const absentIsUndefined: Invariant = {
  name: 'absent-is-undefined',
  settled({ id, values }) {
    for (const value of values) {
      if (value === null) return `${id} emitted null`
      if (value instanceof Map && [...value.values()].some(each => each === undefined || each === null)) {
        return `${id} emitted a map with an absent key`
      }
    }
    return undefined
  },
  emitted: ({ id }, key, value) => (value === null ? `${id} emitted null for ${key}` : undefined),
}
