import type { KVError } from '../../base/errors.ts'
import type { Write, WriteDue, Written } from '../../contract/engine.ts'

/** Some of the writes of a call, each due when it was. */
export class WritePart implements WriteDue {
  readonly writes: Write[] = []
  deadline = 0
  readonly #all: readonly Write[]
  readonly #due: WriteDue
  /** Where each of them is among all. */
  readonly #indices: number[] = []

  constructor(all: readonly Write[], due: WriteDue) {
    this.#all = all
    this.#due = due
  }

  add(index: number): void {
    this.writes.push(this.#all[index]!)
    this.#indices.push(index)
    this.deadline = Math.max(this.deadline, this.#due.deadlineOf(index))
  }

  deadlineOf(index: number): number {
    return this.#due.deadlineOf(this.#indices[index]!)
  }

  settled(index: number, outcome: Written | KVError): void {
    this.#due.settled(this.#indices[index]!, outcome)
  }

  /** The results of these, at their places among those of all the others. */
  spread<R>(results: readonly R[], others: Iterable<readonly [index: number, result: R]>): R[] {
    const all = new Array<R>(this.#all.length)
    for (const [index, result] of others) all[index] = result
    for (let i = 0; i < results.length; i++) all[this.#indices[i]!] = results[i]!
    return all
  }
}
