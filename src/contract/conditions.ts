import { KVError } from '../base/errors.ts'
import type { ExpectedVersion, Stored } from './engine.ts'
import { quoteKey } from './keys.ts'

const MAX_VERSION = 0x7fff_ffff
const MIN_VERSION = -0x8000_0000

/** Whether a key can have this version: see {@link nextVersion}. */
export const isVersion = (version: unknown): version is number =>
  Number.isInteger(version) &&
  (version as number) >= MIN_VERSION &&
  (version as number) <= MAX_VERSION &&
  version !== -1

/**
 * The version after one more write: a signed 32-bit number, as a znode's. After 2^31 − 1 comes −2^31, and after −2
 * comes 0, because −1 means "any version" to ZooKeeper.
 */
export const nextVersion = (version: number): number => versionAfter(version, 1)

/** The version after this many more writes. */
export function versionAfter(version: number, writes: number): number {
  const sum = version + writes
  if (version < -1 && sum >= -1) return sum + 1
  return sum > MAX_VERSION ? sum - MAX_VERSION + MIN_VERSION - 1 : sum
}

/** Whether `stored` meets the condition `expected`; without a condition always true. */
export const holds = (
  expected: ExpectedVersion | undefined,
  stored: Pick<Stored, 'version'> | undefined,
): boolean => expected === undefined || expected === (stored === undefined ? 'absent' : stored.version)

/** The error for a condition that did not hold; `actual` is `undefined` if the engine does not know. */
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
