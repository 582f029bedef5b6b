import { from, isObservable, type ObservableInput, type OperatorFunction, type Subscriber } from 'rxjs'
import type { Capacity } from '../base/demand.ts'
import { Queue } from '../base/queue.ts'
import { operate, type Sink } from '../operators/internal/operate.ts'

/** How many records may wait for a slow taker before the source is paused. */
const WAITING = 1024

/** The receiver of records. */
export interface Taker<T> {
  /** Takes a record; an Observable or a promise that it returns is awaited. */
  take(record: T): unknown
  /** The record was taken. */
  taken(record: T): void
  /** The error to fail with when taking a record failed. */
  error(record: T, cause: unknown): unknown
}

const isAwaitable = (value: unknown): value is ObservableInput<unknown> =>
  isObservable(value) || typeof (value as PromiseLike<unknown> | undefined | null)?.then === 'function'

class Delivery<T> implements Sink<T> {
  readonly #taker: Taker<T>
  readonly #destination: Subscriber<never>
  readonly #capacity: Capacity
  readonly #waiting = new Queue<T>()
  /** Whether a record is being taken, or the loop is running. */
  #busy = false
  #completing = false

  constructor(taker: Taker<T>, destination: Subscriber<never>, capacity: Capacity) {
    this.#taker = taker
    this.#destination = destination
    this.#capacity = capacity
  }

  next(record: T): void {
    this.#capacity.held++
    this.#waiting.push(record)
    if (!this.#busy) this.#go()
  }

  complete(): void {
    this.#completing = true
    if (!this.#busy) this.#destination.complete()
  }

  stop(): void {}

  /** A loop, not a recursion: a record that is taken synchronously comes back here. */
  #go(): void {
    this.#busy = true
    while (this.#waiting.length > 0 && !this.#destination.closed) {
      const record = this.#waiting.shift()!
      let result: unknown
      try {
        result = this.#taker.take(record)
      } catch (cause) {
        this.#destination.error(this.#taker.error(record, cause))
        return
      }
      if (isAwaitable(result) && !this.#await(record, result)) return
      this.#taken(record)
    }
    this.#busy = false
    if (this.#completing) this.#destination.complete()
  }

  #taken(record: T): void {
    this.#taker.taken(record)
    this.#capacity.release(1)
  }

  /** Returns whether it has completed already; otherwise goes on when it does. */
  #await(record: T, result: ObservableInput<unknown>): boolean {
    let over = false
    let waiting = false
    this.#destination.add(
      from(result).subscribe({
        error: cause => this.#destination.error(this.#taker.error(record, cause)),
        complete: () => {
          over = true
          if (!waiting) return
          this.#taken(record)
          this.#go()
        },
      }),
    )
    waiting = true
    return over
  }
}

/** Passes each record to `taker`, one after the other, and completes when all are taken. */
export const deliver = <T>(taker: Taker<T>): OperatorFunction<T, never> =>
  operate(WAITING, (destination, capacity) => new Delivery(taker, destination, capacity))
