import type { ExpectedVersion, Stored } from './engine.ts'
import { KVError } from './errors.ts'
import { quoteKey } from './keys.ts'

/** Whether a key that holds `stored` meets the condition `expected`; no condition is always met. */
export const holds = (
  expected: ExpectedVersion | undefined,
  stored: Pick<Stored, 'version'> | undefined,
): boolean => expected === undefined || expected === (stored === undefined ? 'absent' : stored.version)

/** The error of a condition that did not hold; `actual` is `undefined` where the engine does not tell. */
export function versionConflict(
  key: string,
  expected: ExpectedVersion | undefined,
  actual: ExpectedVersion | undefined,
): KVError {
  const wanted = expected === 'absent' ? 'to be absent' : `at version ${expected}`
  const found =
    actual === undefined ? 'it is not' : actual === 'absent' ? 'it is absent' : `it is at version ${actual}`
  return new KVError('VERSION_CONFLICT', `expected ${quoteKey(key)} ${wanted}, ${found}`, { key })
}
