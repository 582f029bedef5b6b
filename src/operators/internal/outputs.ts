import type { Taken } from '../../contract/owned-partition.ts'

/** Which outputs were taken, by commits, in order. */
export class Outputs {
  /** Up to where all were taken. */
  taken: Taken
  /** Hears that those of a commit were taken. */
  freed: () => void = () => {}
  readonly #waiting: { left: number; readonly state: Taken }[] = []

  constructor(taken: Taken) {
    this.taken = taken
  }

  /** How many commits have outputs that were not taken. */
  get commits(): number {
    return this.#waiting.length
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
    while (this.#waiting[0]?.left === 0) {
      this.taken = this.#waiting.shift()!.state
      this.freed()
    }
  }
}
