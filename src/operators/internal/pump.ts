import { Subscription } from 'rxjs'
import type { KVError } from '../../errors.ts'
import type { Bulk, BulkTarget } from '../../store/bulk.ts'
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
  /** The answer, where it is known without asking. */
  readonly known?: ((question: Q) => { readonly value: V | undefined } | undefined) | undefined
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

/** How many calls a store of another make gets at a time: what arrives meanwhile is gathered for the next. */
const CALLS = 4

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
  readonly #soon: Soon
  readonly #mostCalls: number
  #inFlight = 0
  #callsInFlight = 0

  constructor(
    bulk: Pick<Bulk<V>, 'defer'> | undefined,
    work: Work<T, Q, V, R>,
    concurrency: number,
    lineup: Lineup<R>,
  ) {
    this.#work = work
    this.#concurrency = concurrency
    this.#lineup = lineup
    this.#soon = new Soon(() => this.#flush(), bulk?.defer)
    this.#mostCalls = bulk === undefined ? CALLS : Number.POSITIVE_INFINITY
  }

  next(record: T): void {
    if (this.#lineup.failing) return
    let question: Q
    try {
      question = this.#work.question(record)
    } catch (error) {
      this.#lineup.fail(this.#join(record), callbackError(this.#work.callback, error))
      return
    }
    const known = this.#work.known?.(question)
    if (known === undefined) {
      const place = this.#join(record)
      place.question = question
      this.#waiting.push(place)
      this.#wake()
    } else {
      this.#answered(record, this.#lineup.idle ? undefined : this.#join(record), known.value)
    }
  }

  complete(): void {
    this.#lineup.complete()
  }

  stop(): void {
    this.#soon.stop()
    this.#calls.unsubscribe()
  }

  #join(record: T): Questioned<T, Q, R> {
    const place = new Questioned<T, Q, R>(record)
    this.#lineup.join(place)
    return place
  }

  #wake(): void {
    const room = this.#inFlight < this.#concurrency && this.#callsInFlight < this.#mostCalls
    if (room && this.#waiting.length > 0) this.#soon.ask()
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
    this.#callsInFlight++
    let unsettled = places.length
    const call = new Subscription()
    this.#calls.add(call)
    const settle = (index: number, error: KVError | undefined, value: V | undefined): void => {
      this.#inFlight--
      if (--unsettled === 0) {
        this.#callsInFlight--
        // Done, the call must not be kept until the end.
        call.unsubscribe()
      }
      const place = places[index]!
      if (this.#lineup.wants(place)) {
        if (error === undefined) this.#answered(place.record, place, value)
        else this.#lineup.fail(place, error)
      }
      this.#wake()
    }
    this.#work.ask(questions, { settle }, call)
  }

  /** A record that has its answer at once, while no other waits, needs no place in the line. */
  #answered(record: T, place: Place<R> | undefined, value: V | undefined): void {
    let output: R
    try {
      output = this.#work.output(record, value)
    } catch (error) {
      this.#lineup.fail(place ?? this.#join(record), callbackError('project', error))
      return
    }
    if (place === undefined) this.#lineup.pass(output)
    else {
      this.#lineup.emit(place, output)
      this.#lineup.finish(place)
    }
  }
}
