/** How much one more key counts in the estimate. */
const WEIGHT = 1 / 32

/**
 * Guesses whether the keys of an unconditional put exist, from what was seen: ZooKeeper has `create` and `setData`, but
 * no put. A wrong estimate for any key costs its group two more round trips (look, and again), looking first costs one.
 */
export class ExistenceEstimate {
  /** The estimated share of keys that exist. */
  #existing = 0.5

  /** What to try for `keys` keys of which nothing is known. */
  choose(keys: number): 'set' | 'create' | 'look' {
    if (this.#existing ** keys >= 0.5) return 'set'
    if ((1 - this.#existing) ** keys >= 0.5) return 'create'
    return 'look'
  }

  /** There is no key at all. */
  nothingExists(): void {
    this.#existing = 0
  }

  /** Of `keys` keys that were put, so many existed. */
  learn(existing: number, keys: number): void {
    if (keys === 0) return
    this.#existing += (existing / keys - this.#existing) * (1 - (1 - WEIGHT) ** keys)
  }
}
