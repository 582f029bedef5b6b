import type { Subscriber } from 'rxjs'
import type { Capacity } from '../../base/demand.ts'
import { Queue } from '../../base/queue.ts'

/** What came of a record while earlier ones were not done. */
class Held<R> {
  readonly outputs: R[] = []
  done = false
  hasFailed = false
  error: unknown
}

/**
 * Emits what comes of records that are worked on at the same time: in the order of the records, or as it comes. A record
 * is known by its place in line, a number.
 *
 * In order, an error waits for the results of the records before it; what comes of the records after it is dropped.
 */
export class Lineup<R> {
  readonly #destination: Subscriber<R>
  readonly #capacity: Capacity
  readonly #ordered: boolean
  /** From the first that is not done on; `undefined` where nothing came of it yet. */
  readonly #line = new Queue<Held<R> | undefined>()
  /** The place of the first, and of the next to join. */
  #first = 0
  #next = 0
  #failedAt = Number.POSITIVE_INFINITY
  #advancing = false
  #completing = false

  constructor(destination: Subscriber<R>, capacity: Capacity, ordered: boolean) {
    this.#destination = destination
    this.#capacity = capacity
    this.#ordered = ordered
  }

  /** Whether a record has failed, so that no more are wanted. */
  get failing(): boolean {
    return this.#failedAt !== Number.POSITIVE_INFINITY
  }

  /** Whether no earlier record has failed. */
  wants(place: number): boolean {
    return place < this.#failedAt
  }

  /** Whether an output may pass by those who are in line. */
  get idle(): boolean {
    return !this.#ordered || this.#line.length === 0
  }

  pass(output: R): void {
    this.#destination.next(output)
  }

  /** The place of a record that comes now. */
  join(): number {
    this.#capacity.held++
    if (this.#ordered) this.#line.push(undefined)
    return this.#next++
  }

  emit(place: number, output: R): void {
    if (!this.#ordered || (place === this.#first && !this.#line.peek()?.outputs.length)) {
      this.#destination.next(output)
    } else this.#held(place).outputs.push(output)
  }

  finish(place: number): void {
    if (!this.#ordered) this.#release(1)
    else if (place === this.#first && !this.#advancing && this.#line.peek() === undefined) {
      this.#leave()
      // Mostly the next has nothing yet.
      if (this.#line.peek() === undefined) this.#release(1)
      else this.#advance(1)
    } else {
      this.#held(place).done = true
      if (place === this.#first) this.#advance(0)
    }
  }

  fail(place: number, error: unknown): void {
    if (!this.wants(place)) return
    this.#failedAt = place
    this.#capacity.shut()
    if (this.#ordered) {
      const held = this.#held(place)
      held.hasFailed = true
      held.error = error
      held.done = true
      if (place === this.#first) this.#advance(0)
    } else this.#destination.error(error)
  }

  /** Completes when all are done. */
  complete(): void {
    this.#completing = true
    this.#release(0)
  }

  #held(place: number): Held<R> {
    const index = place - this.#first
    let held = this.#line.at(index)
    if (held === undefined) {
      held = new Held()
      this.#line.replace(index, held)
    }
    return held
  }

  #leave(): void {
    this.#line.shift()
    this.#first++
  }

  /** Lets those go that are done, from the first on, beside `count` that went. */
  #advance(count: number): void {
    // Entered again while it emits, it goes on in the loop that is under way.
    if (this.#advancing) return
    this.#advancing = true
    let gone = count
    for (let head = this.#line.peek(); head !== undefined; head = this.#line.peek()) {
      // What is emitted may lead to further outputs of this record: they follow.
      for (let i = 0; i < head.outputs.length; i++) this.#destination.next(head.outputs[i]!)
      head.outputs.length = 0
      if (!head.done) break
      if (head.hasFailed) {
        this.#destination.error(head.error)
        return
      }
      this.#leave()
      gone++
    }
    this.#advancing = false
    this.#release(gone)
  }

  #release(count: number): void {
    this.#capacity.release(count)
    if (this.#completing && this.#capacity.held === 0) this.#destination.complete()
  }
}
