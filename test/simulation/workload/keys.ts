import type { Random } from '../../../src/testing/simulation/random.ts'

/** Keys that anything happens to. */
export const ORDINARY = ['a', 'b', 'c', 'd/e', 'zookeeper', 'ü%1'] as const
/** Keys that are only counted up, never deleted. */
export const COUNTERS = ['n0', 'n1', 'n2'] as const
/** Keys of windows, sessions and histories. */
export const RECORDS = ['r0', 'r1'] as const
/** Keys that are written and deleted together, with names so long that they fill several requests. */
export const MANY: readonly string[] = Array.from({ length: 60 }, (_, i) => `many${i}-${'x'.repeat(300)}`)

/** What a stranger writes here can not be decoded. */
export const GARBAGE = 'garbage'
/** What a stranger made so that nobody else may use it. */
export const HIDDEN = 'hidden'
/** The quota lets only small values be written here. */
export const QUOTA = 'quota'
/** The most bytes of a value under {@link QUOTA}. */
export const QUOTA_BYTES = 100

/** A key, most often the one that most is about. */
export const anyKey = (random: Random, hot: string): string =>
  random.weighted([
    [10, hot],
    [10, random.pick(ORDINARY)],
    [1, GARBAGE],
    [1, HIDDEN],
    [1, QUOTA],
  ])

export function someKeys(random: Random, hot: string): string[] {
  if (random.chance(0.1)) {
    const from = random.below(MANY.length)
    return MANY.slice(from, from + 1 + random.below(MANY.length))
  }
  return [...new Set(Array.from({ length: 1 + random.below(4) }, () => anyKey(random, hot)))]
}
