import type { KVError } from '../../base/errors.ts'
import type { Write, WriteDue, Written } from '../../contract/engine.ts'

/** Some of the writes of a call, with their original deadlines. */
export class WritePart implements WriteDue {
  readonly writes: Write[] = []
  deadline = 0
  readonly #all: readonly Write[]
  readonly #due: WriteDue
  /** The index of each of them among all writes. */
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

  /** The results of these, merged with the others in the original order. */
  spread<R>(results: readonly R[], others: Iterable<readonly [index: number, result: R]>): R[] {
    const all = new Array<R>(this.#all.length)
    for (const [index, result] of others) all[index] = result
    for (let i = 0; i < results.length; i++) all[this.#indices[i]!] = results[i]!
    return all
  }
}
