import { KVError } from '../../base/errors.ts'
import { Queue } from '../../base/queue.ts'
import type { Known } from '../../store/access.ts'
import { callbackError } from './arguments.ts'
import type { Lineup } from './lineup.ts'
import type { Sink } from './operate.ts'

/** What asks the store for a record. */
export interface Asking<T, Q> {
  readonly record: T
  readonly question: Q
  /** Of the record, in line. */
  readonly place: number
  /** Whether nobody waits for what comes of it any more. */
  readonly withdrawn: boolean
}

/** Who hears what came of what was asked. */
export interface Answers<A> {
  wants(place: number): boolean
  answered(asking: Asking<unknown, unknown>, answer: A | undefined): void
  failed(asking: Asking<unknown, unknown>, error: KVError): void
}

/** What is asked of the store for each record, and what comes of the answer. */
export interface Work<T, Q, O extends Asking<T, Q>, A, R> {
  question(record: T): Q
  /** The user's name for `question`. */
  readonly callback: string
  /** The answer, or the error, where it is known without asking. */
  readonly known?: ((question: Q) => Known<A> | KVError | undefined) | undefined
  /** What asks the question, and tells `answers`. */
  asking(question: Q, record: T, place: number, answers: Answers<A>): O
  ask(asking: O): void
  /** The output; the user's name for it is `project`. */
  output(record: T, answer: A | undefined): R
}

/** Asks the store one question for each record, up to `concurrency` at a time. */
export class Pump<T, Q, O extends Asking<T, Q>, A, R> implements Sink<T>, Answers<A> {
  readonly #work: Work<T, Q, O, A, R>
  readonly #concurrency: number
  readonly #lineup: Lineup<R>
  readonly #waiting = new Queue<O>()
  #inFlight = 0
  #isAsking = false
  #stopped = false

  constructor(work: Work<T, Q, O, A, R>, concurrency: number, lineup: Lineup<R>) {
    this.#work = work
    this.#concurrency = concurrency
    this.#lineup = lineup
  }

  next(record: T): void {
    if (this.#lineup.failing) return
    let question: Q
    try {
      question = this.#work.question(record)
    } catch (error) {
      this.#lineup.fail(this.#lineup.join(), callbackError(this.#work.callback, error))
      return
    }
    if (this.#waiting.length > 0 || this.#inFlight >= this.#concurrency) {
      this.#waiting.push(this.#asking(question, record))
      return
    }
    const known = this.#work.known?.(question)
    // What is known at once, while no other record waits, needs no place in the line.
    if (known === undefined) this.#ask(this.#asking(question, record))
    else if (known instanceof KVError) this.#lineup.fail(this.#lineup.join(), known)
    else if (this.#lineup.idle) this.#pass(record, known.value)
    else this.#emit(this.#lineup.join(), record, known.value)
  }

  complete(): void {
    this.#lineup.complete()
  }

  stop(): void {
    this.#stopped = true
  }

  /** Whether the answer for the record in this place is of interest. */
  wants(place: number): boolean {
    return !this.#stopped && this.#lineup.wants(place)
  }

  answered({ place, record }: Asking<T, Q>, answer: A | undefined): void {
    this.#inFlight--
    this.#emit(place, record, answer)
    this.#askNext()
  }

  failed({ place }: Asking<T, Q>, error: KVError): void {
    this.#inFlight--
    this.#lineup.fail(place, error)
    this.#askNext()
  }

  #asking(question: Q, record: T): O {
    return this.#work.asking(question, record, this.#lineup.join(), this)
  }

  #ask(asking: O): void {
    this.#inFlight++
    this.#work.ask(asking)
  }

  /** A loop, not a recursion: what is answered at once comes back here. */
  #askNext(): void {
    if (this.#isAsking || this.#waiting.length === 0) return
    this.#isAsking = true
    while (this.#inFlight < this.#concurrency) {
      const asking = this.#waiting.shift()
      if (asking === undefined) break
      if (asking.withdrawn) continue
      const known = this.#work.known?.(asking.question)
      if (known === undefined) this.#ask(asking)
      else if (known instanceof KVError) this.#lineup.fail(asking.place, known)
      else this.#emit(asking.place, asking.record, known.value)
    }
    this.#isAsking = false
  }

  #pass(record: T, answer: A | undefined): void {
    let output: R
    try {
      output = this.#work.output(record, answer)
    } catch (error) {
      this.#lineup.fail(this.#lineup.join(), callbackError('project', error))
      return
    }
    this.#lineup.pass(output)
  }

  #emit(place: number, record: T, answer: A | undefined): void {
    let output: R
    try {
      output = this.#work.output(record, answer)
    } catch (error) {
      this.#lineup.fail(place, callbackError('project', error))
      return
    }
    this.#lineup.emit(place, output)
    this.#lineup.finish(place)
  }
}
