import { KVError } from '../../base/errors.ts'
import { Queue } from '../../base/queue.ts'
import type { Known } from '../../store/access.ts'
import { callbackError } from './arguments.ts'
import { type Lineup, Place } from './lineup.ts'
import type { Sink } from './operate.ts'

/** What is asked of the store for each record, and what comes of the answer. */
export interface Work<T, Q, A, R> {
  question(record: T): Q
  /** The user's name for `question`. */
  readonly callback: string
  /** The answer, or the error, where it is known without asking. */
  readonly known?: ((question: Q) => Known<A> | KVError | undefined) | undefined
  /** Asks the store, which tells `asker`. */
  ask(question: Q, asker: Asked<T, Q, A, R>): void
  /** The output; the user's name for it is `project`. */
  output(record: T, answer: A | undefined): R
}

/** A record whose question is asked, or is to be. */
export class Asked<T, Q, A, R> extends Place<R> {
  readonly record: T
  readonly question: Q | undefined
  readonly #pump: Pump<T, Q, A, R>

  constructor(record: T, question: Q | undefined, pump: Pump<T, Q, A, R>) {
    super()
    this.record = record
    this.question = question
    this.#pump = pump
  }

  get withdrawn(): boolean {
    return !this.#pump.wants(this)
  }

  answered(answer: A | undefined): void {
    this.#pump.answered(this, answer)
  }

  /** The answer to a lookup. */
  found(value: A | undefined): void {
    this.#pump.answered(this, value)
  }

  written(): void {
    this.#pump.answered(this, undefined)
  }

  failed(error: KVError): void {
    this.#pump.failed(this, error)
  }
}

/** Asks the store one question for each record, up to `concurrency` at a time. */
export class Pump<T, Q, A, R> implements Sink<T> {
  readonly #work: Work<T, Q, A, R>
  readonly #concurrency: number
  readonly #lineup: Lineup<R>
  readonly #waiting = new Queue<Asked<T, Q, A, R>>()
  #inFlight = 0
  #asking = false
  #stopped = false

  constructor(work: Work<T, Q, A, R>, concurrency: number, lineup: Lineup<R>) {
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
      this.#lineup.fail(this.#join(record, undefined), callbackError(this.#work.callback, error))
      return
    }
    if (this.#waiting.length > 0 || this.#inFlight >= this.#concurrency) {
      this.#waiting.push(this.#join(record, question))
      return
    }
    const known = this.#work.known?.(question)
    // What is known at once, while no other record waits, needs no place in the line.
    if (known === undefined) this.#ask(this.#join(record, question))
    else if (known instanceof KVError) this.#lineup.fail(this.#join(record, question), known)
    else if (this.#lineup.idle) this.#pass(record, known.value)
    else this.#emit(this.#join(record, question), known.value)
  }

  complete(): void {
    this.#lineup.complete()
  }

  stop(): void {
    this.#stopped = true
  }

  /** Whether the answer for a record is of interest. */
  wants(asked: Asked<T, Q, A, R>): boolean {
    return !this.#stopped && this.#lineup.wants(asked)
  }

  answered(asked: Asked<T, Q, A, R>, answer: A | undefined): void {
    this.#inFlight--
    this.#emit(asked, answer)
    this.#askNext()
  }

  failed(asked: Asked<T, Q, A, R>, error: KVError): void {
    this.#inFlight--
    this.#lineup.fail(asked, error)
    this.#askNext()
  }

  #join(record: T, question: Q | undefined): Asked<T, Q, A, R> {
    const asked = new Asked<T, Q, A, R>(record, question, this)
    this.#lineup.join(asked)
    return asked
  }

  #ask(asked: Asked<T, Q, A, R>): void {
    this.#inFlight++
    this.#work.ask(asked.question as Q, asked)
  }

  /** A loop, not a recursion: what is answered at once comes back here. */
  #askNext(): void {
    if (this.#asking) return
    this.#asking = true
    while (this.#inFlight < this.#concurrency) {
      const asked = this.#waiting.shift()
      if (asked === undefined) break
      if (!this.wants(asked)) continue
      const known = this.#work.known?.(asked.question as Q)
      if (known === undefined) this.#ask(asked)
      else if (known instanceof KVError) this.#lineup.fail(asked, known)
      else this.#emit(asked, known.value)
    }
    this.#asking = false
  }

  #pass(record: T, answer: A | undefined): void {
    let output: R
    try {
      output = this.#work.output(record, answer)
    } catch (error) {
      this.#lineup.fail(this.#join(record, undefined), callbackError('project', error))
      return
    }
    this.#lineup.pass(output)
  }

  #emit(asked: Asked<T, Q, A, R>, answer: A | undefined): void {
    let output: R
    try {
      output = this.#work.output(asked.record, answer)
    } catch (error) {
      this.#lineup.fail(asked, callbackError('project', error))
      return
    }
    this.#lineup.emit(asked, output)
    this.#lineup.finish(asked)
  }
}
