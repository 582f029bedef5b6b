import type { Subscriber } from 'rxjs'
import type { Intake } from '../../base/demand.ts'
import { Queue } from '../../base/queue.ts'

/** A record's place in the line, and what came of it while earlier records were not done. */
export class Place<R> {
  index = 0
  outputs: R[] | undefined
  done = false
  hasFailed = false
  error: unknown
}

/**
 * Emits what comes of records that are worked on at the same time: in the order of the records, or as it comes.
 *
 * In order, an error waits for the results of the records before it; what comes of the records after it is dropped.
 */
export class Lineup<R> {
  readonly #destination: Subscriber<R>
  readonly #intake: Intake
  readonly #ordered: boolean
  readonly #places = new Queue<Place<R>>()
  #joined = 0
  #failedAt = Number.POSITIVE_INFINITY
  #advancing = false
  #completing = false

  constructor(destination: Subscriber<R>, intake: Intake, ordered: boolean) {
    this.#destination = destination
    this.#intake = intake
    this.#ordered = ordered
  }

  /** Whether a record has failed, so that no more are wanted. */
  get failing(): boolean {
    return this.#failedAt !== Number.POSITIVE_INFINITY
  }

  /** Whether no earlier record has failed. */
  wants(place: Place<R>): boolean {
    return place.index < this.#failedAt
  }

  /** Whether an output may pass by those who are in line. */
  get idle(): boolean {
    return !this.#ordered || this.#places.length === 0
  }

  pass(output: R): void {
    this.#destination.next(output)
  }

  join(place: Place<R>): void {
    place.index = this.#joined++
    this.#intake.held++
    if (this.#ordered) this.#places.push(place)
  }

  emit(place: Place<R>, output: R): void {
    if (!this.#ordered || (place.outputs === undefined && place === this.#places.peek())) {
      this.#destination.next(output)
    } else {
      place.outputs ??= []
      place.outputs.push(output)
    }
  }

  finish(place: Place<R>): void {
    place.done = true
    if (!this.#ordered) this.#release(1)
    else if (place === this.#places.peek()) this.#advance()
  }

  fail(place: Place<R>, error: unknown): void {
    if (!this.wants(place)) return
    this.#failedAt = place.index
    this.#intake.shut()
    place.hasFailed = true
    place.error = error
    if (this.#ordered) this.finish(place)
    else this.#destination.error(error)
  }

  /** Completes when all are done. */
  complete(): void {
    this.#completing = true
    this.#release(0)
  }

  #advance(): void {
    // Entered again while it emits, it goes on in the loop that is under way.
    if (this.#advancing) return
    this.#advancing = true
    let count = 0
    for (let head = this.#places.peek(); head !== undefined; head = this.#places.peek()) {
      this.#flush(head)
      if (!head.done) break
      if (head.hasFailed) {
        this.#destination.error(head.error)
        return
      }
      this.#places.shift()
      count++
    }
    this.#advancing = false
    this.#release(count)
  }

  #flush(place: Place<R>): void {
    if (place.outputs === undefined) return
    // What is emitted may lead to further outputs of this place: they follow.
    for (let i = 0; i < place.outputs.length; i++) this.#destination.next(place.outputs[i]!)
    place.outputs = undefined
  }

  #release(count: number): void {
    this.#intake.release(count)
    if (this.#completing && this.#intake.held === 0) this.#destination.complete()
  }
}
