import type FastCheck from 'fast-check'
import { FAULT_TYPES, type StoreFault } from './store-faults.ts'

/** Options of {@link Arbitraries.faults}. */
export interface FaultsOptions {
  /**
   * The types of faults.
   * @defaultValue all
   */
  readonly types?: readonly StoreFault['type'][] | undefined
  /**
   * The keys that other clients write.
   * @defaultValue none
   */
  readonly keys?: readonly string[] | undefined
  /**
   * The latest beginning of a fault, in milliseconds.
   * @defaultValue 50
   */
  readonly within?: number | undefined
  /**
   * The longest duration of a fault, and the longest delay of a slow answer, in milliseconds.
   * @defaultValue 20
   */
  readonly longest?: number | undefined
  /**
   * The most faults.
   * @defaultValue 5
   */
  readonly maxLength?: number | undefined
}

/** An arbitrary of schedules of faults, in order. */
export function faultSchedules(
  fc: typeof FastCheck,
  { types = FAULT_TYPES, keys = [], within = 50, longest = 20, maxLength = 5 }: FaultsOptions = {},
): FastCheck.Arbitrary<StoreFault[]> {
  const some = FAULT_TYPES.filter(type => types.includes(type) && (type !== 'write' || keys.length > 0))
  if (some.length === 0) return fc.constant([])
  // Unlike `constantFrom`, shrinks to any earlier value.
  const among = <T>(values: readonly T[]): FastCheck.Arbitrary<T> =>
    fc.nat(Math.max(0, values.length - 1)).map(index => values[index]!)
  // One record for all types, so that a fault shrinks to a milder one at the same time.
  const parts = fc.record({
    type: among(some),
    at: fc.nat(within),
    lasts: fc.integer({ min: 1, max: longest }),
    by: fc.integer({ min: 1, max: longest }),
    unanswered: among(['dropped', 'done'] as const),
    key: among(keys),
  })
  const fault = parts.map(({ type, at, lasts, by, unanswered, key }): StoreFault => {
    if (type === 'slow') return { type, at, lasts, by }
    return type === 'write' ? { type, at, key } : { type, at, lasts, unanswered }
  })
  return fc.array(fault, { maxLength }).map(all => all.toSorted((one, other) => one.at - other.at))
}
