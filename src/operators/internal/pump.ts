import { Subscription } from 'rxjs'
import type { KVError } from '../../errors.ts'
import type { BulkTarget } from '../../store/bulk.ts'
import { Queue } from '../../store/queue.ts'
import { callbackError } from './arguments.ts'
import { type Lineup, Place } from './lineup.ts'
import type { Sink } from './operate.ts'
import { Soon } from './soon.ts'

/** What is asked of the store for each record, and what comes of the answer. */
export interface Work<T, Q, V, R> {
  question(record: T): Q
  /** The user's name for `question`. */
  readonly callback: string
  /** Asks the store, until `call` is unsubscribed. */
  ask(questions: readonly Q[], target: BulkTarget<V>, call: Subscription): void
  /** The output; the user's name for it is `project`. */
  output(record: T, value: V | undefined): R
}

/** A record with what is asked for it. */
class Questioned<T, Q, R> extends Place<R> {
  readonly record: T
  question: Q | undefined

  constructor(record: T) {
    super()
    this.record = record
  }
}

/**
 * Asks the store one question for each record, up to `concurrency` at a time. Records that arrive together, and those
 * that arrive while there is no room, are asked for together.
 */
export class Pump<T, Q, V, R> implements Sink<T> {
  readonly #work: Work<T, Q, V, R>
  readonly #concurrency: number
  readonly #lineup: Lineup<R>
  readonly #waiting = new Queue<Questioned<T, Q, R>>()
  readonly #calls = new Subscription()
  readonly #soon = new Soon(() => this.#flush())
  #inFlight = 0

  constructor(work: Work<T, Q, V, R>, concurrency: number, lineup: Lineup<R>) {
    this.#work = work
    this.#concurrency = concurrency
    this.#lineup = lineup
  }

  next(record: T): void {
    if (this.#lineup.failing) return
    const place = new Questioned<T, Q, R>(record)
    this.#lineup.join(place)
    try {
      place.question = this.#work.question(record)
    } catch (error) {
      this.#lineup.fail(place, callbackError(this.#work.callback, error))
      return
    }
    this.#waiting.push(place)
    this.#wake()
  }

  complete(): void {
    this.#lineup.complete()
  }

  stop(): void {
    this.#soon.stop()
    this.#calls.unsubscribe()
  }

  /** Not at once: what arrives together is to travel together. */
  #wake(): void {
    if (this.#waiting.length > 0 && this.#inFlight < this.#concurrency) this.#soon.ask()
  }

  #flush(): void {
    const places: Questioned<T, Q, R>[] = []
    const questions: Q[] = []
    while (this.#inFlight + places.length < this.#concurrency) {
      const place = this.#waiting.shift()
      if (place === undefined) break
      if (!this.#lineup.wants(place)) continue
      places.push(place)
      questions.push(place.question as Q)
    }
    if (places.length === 0) return
    this.#inFlight += places.length
    let unsettled = places.length
    const call = new Subscription()
    this.#calls.add(call)
    const settle = (index: number, error: KVError | undefined, value: V | undefined): void => {
      this.#inFlight--
      // Done, the call must not be kept until the end.
      if (--unsettled === 0) call.unsubscribe()
      this.#settle(places[index]!, error, value)
      this.#wake()
    }
    this.#work.ask(questions, { settle }, call)
  }

  #settle(place: Questioned<T, Q, R>, error: KVError | undefined, value: V | undefined): void {
    if (!this.#lineup.wants(place)) return
    if (error !== undefined) {
      this.#lineup.fail(place, error)
      return
    }
    let output: R
    try {
      output = this.#work.output(place.record, value)
    } catch (cause) {
      this.#lineup.fail(place, callbackError('project', cause))
      return
    }
    this.#lineup.emit(place, output)
    this.#lineup.finish(place)
  }
}
