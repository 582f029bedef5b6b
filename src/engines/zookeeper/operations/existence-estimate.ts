/** The weight of one key in the estimate. */
const WEIGHT = 1 / 32

/**
 * Estimates whether the keys of unconditional puts exist, from experience: ZooKeeper has `create` and `setData`, but no
 * put. A wrong estimate for any key costs its group two more round trips (look, and retry); looking first costs one.
 */
export class ExistenceEstimate {
  /** The estimated share of keys that exist. */
  #existing = 0.5

  /** What to try for this many keys of unknown existence. */
  choose(keys: number): 'set' | 'create' | 'look' {
    if (this.#existing ** keys >= 0.5) return 'set'
    if ((1 - this.#existing) ** keys >= 0.5) return 'create'
    return 'look'
  }

  /** Learns that no key exists at all. */
  nothingExists(): void {
    this.#existing = 0
  }

  /** Learns that `existing` of `keys` keys existed. */
  learn(existing: number, keys: number): void {
    if (keys === 0) return
    this.#existing += (existing / keys - this.#existing) * (1 - (1 - WEIGHT) ** keys)
  }
}
