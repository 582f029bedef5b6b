/** How much of a partition is left to do. */
export interface Left {
  readonly amount: number
  readonly unit: string
}

/** What the members of one group on one store have come to, for meters. */
export class GroupTally {
  /** Partitions that were taken over, let go in good order, and lost. */
  gained = 0
  released = 0
  lost = 0
  /** Commits that found their partition to be another's, or could not tell. */
  fenced = 0
  /** What is owned, with how many commits of it are under way. */
  readonly owned: Map<string, { readonly underWay: number }> = new Map()
  /** How much of what is owned is left to do, as far as it is known. */
  lags: Readonly<Record<string, Left>> = {}
}

/** The tallies of the groups that a store has members of, by name. */
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
