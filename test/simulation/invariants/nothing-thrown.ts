import type { Invariant } from './invariant.ts'

/** Nothing is thrown into a source, a timer, or the process. */
export const nothingThrown: Invariant = {
  name: 'nothing-thrown',
  atEnd({ thrown }) {
    const [first] = thrown
    return first === undefined ? undefined : `thrown: ${first instanceof Error ? first.stack : String(first)}`
  },
}
