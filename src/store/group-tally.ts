/** How much of a partition is left to process. */
export interface Left {
  readonly amount: number
  readonly unit: string
}

/** Counts of this store's members of one group, for meters. */
export class GroupTally {
  /** How many partitions were taken over, released in good order, and lost. */
  gained = 0
  released = 0
  lost = 0
  /** How many commits found another owner, or could not tell. */
  fenced = 0
  /** The owned partitions, with their commits in flight. */
  readonly owned: Map<string, { readonly underWay: number }> = new Map()
  /** The lag of the owned partitions, as far as it is known. */
  lags: Readonly<Record<string, Left>> = {}
}

/** The tallies of the groups in which a store has members, by name. */
export class GroupTallies {
  readonly #tallies = new Map<string, GroupTally>()

  of(group: string): GroupTally {
    let tally = this.#tallies.get(group)
    if (tally === undefined) {
      tally = new GroupTally()
      this.#tallies.set(group, tally)
    }
    return tally
  }

  [Symbol.iterator](): Iterator<[group: string, tally: GroupTally]> {
    return this.#tallies.entries()
  }
}
