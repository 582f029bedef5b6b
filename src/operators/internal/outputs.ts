import type { Taken } from '../../contract/owned-partition.ts'

/** A commit that is durable, of a shard. */
export interface Committed {
  readonly shard: number
  /** How far the partition is before the first of its records. */
  readonly before: Taken
  /** The place of the last of its records in the partition. */
  readonly last: number
}

/** Which outputs of a partition were taken, in order. */
export class Outputs {
  /** Up to where all were taken. */
  taken: Taken
  /** Hears that some were taken. */
  freed: () => void = () => {}
  readonly #waiting: { left: number; readonly state: Taken }[] = []
  /** Commits with outputs that were not taken. */
  #untaken: Committed[] = []

  constructor(taken: Taken) {
    this.taken = taken
  }

  /**
   * After what the partition would have to be read again: to make outputs again, all records of their commit are
   * needed. Commits of several shards overlap, so that it may lie before {@link taken}.
   */
  get start(): Taken {
    return this.#untaken.reduce((a, { before }) => (before.records < a.records ? before : a), this.taken)
  }

  /** How many commits of a shard have outputs that were not taken. */
  commitsOf(shard: number): number {
    return this.#untaken.reduce((sum, commit) => (commit.shard === shard ? sum + 1 : sum), 0)
  }

  /** A commit is durable: its outputs are to be given out. */
  committed(commit: Committed): void {
    this.#untaken.push(commit)
  }

  /** So many outputs are about to be given out; when they are taken, all up to `state` are. */
  add(count: number, state: Taken): void {
    this.#waiting.push({ left: count, state })
    this.#advance()
  }

  /** The next output was taken. */
  take(): void {
    this.#waiting[0]!.left--
    this.#advance()
  }

  #advance(): void {
    if (this.#waiting[0]?.left !== 0) return
    while (this.#waiting[0]?.left === 0) this.taken = this.#waiting.shift()!.state
    this.#untaken = this.#untaken.filter(({ last }) => last > this.taken.records)
    this.freed()
  }
}
