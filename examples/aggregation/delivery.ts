import { setTimeout } from 'node:timers/promises'

/** Which part of the records comes late, and after how many others at most. */
const LATE_SHARE = 0.05
const MOST_LATE = 100

/** Numbers from 0 up to 1 that depend on the seed only (a linear congruential generator). */
function chances(seed: number): () => number {
  // Seeds that are near each other begin far from each other.
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Holds some of the records back until others have passed, as networks do; which ones depends on the seed only. */
export async function* withLateOnes<T>(
  records: AsyncIterable<T> | Iterable<T>,
  seed: number,
): AsyncGenerator<T> {
  const chance = chances(seed)
  /** By the position in the input before which they come. */
  const held = new Map<number, T[]>()
  let position = 0
  for await (const record of records) {
    yield* held.get(position) ?? []
    held.delete(position)
    position++
    if (chance() >= LATE_SHARE) {
      yield record
    } else {
      const until = position + Math.floor(chance() * MOST_LATE)
      held.set(until, [...(held.get(until) ?? []), record])
    }
  }
  for (const rest of held.values()) yield* rest
}

/** Lets so many records pass in a second. */
export async function* paced<T>(records: AsyncIterable<T>, perSecond: number): AsyncGenerator<T> {
  const start = performance.now()
  let passed = 0
  for await (const record of records) {
    const early = start + (passed++ * 1000) / perSecond - performance.now()
    if (early > 0) await setTimeout(early)
    yield record
  }
}
