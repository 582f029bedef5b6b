import type { Subscriber } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { Written } from '../contract/engine.ts'
import { type Committer, ValueRead, ValueWrite } from './asked.ts'
import type { Entry } from './kv-store.ts'
import { Update } from './operations.ts'

/** Emits one result and completes. */
export function emitLast<R>(subscriber: Subscriber<R>, result: R): void {
  subscriber.next(result)
  subscriber.complete()
}

/** Makes what is emitted of a key that was found. */
export type Found<V, R> = (key: string, value: V, version: number) => R

// Whether the result is still wanted is asked of the subscriber, which would have to keep a list for these to be told.

/** Emits what is stored under one key. */
export class GetCall<V, R> extends ValueRead<V> {
  readonly #subscriber: Subscriber<R | undefined>
  readonly #resultOf: Found<V, R>

  constructor(key: string, subscriber: Subscriber<R | undefined>, resultOf: Found<V, R>) {
    super(key)
    this.#subscriber = subscriber
    this.#resultOf = resultOf
  }

  override get withdrawn(): boolean {
    return this.#subscriber.closed
  }

  found(value: V | undefined, version: number): void {
    emitLast(this.#subscriber, value === undefined ? undefined : this.#resultOf(this.key, value, version))
  }

  failed(error: KVError): void {
    this.#subscriber.error(error)
  }
}

/** Emits a map of what is stored under several keys, in their order. */
export class GetAllCall<V, R> {
  readonly subscriber: Subscriber<Map<string, R>>
  readonly #keys: readonly string[]
  readonly #results: (R | undefined)[]
  readonly #resultOf: Found<V, R>
  #left: number

  constructor(keys: readonly string[], subscriber: Subscriber<Map<string, R>>, resultOf: Found<V, R>) {
    this.subscriber = subscriber
    this.#keys = keys
    this.#results = new Array(keys.length)
    this.#resultOf = resultOf
    this.#left = keys.length
  }

  /** Takes what is stored under the key at `index`. */
  found(index: number, value: V | undefined, version: number): void {
    if (value !== undefined) this.#results[index] = this.#resultOf(this.#keys[index]!, value, version)
    if (--this.#left > 0 || this.subscriber.closed) return
    const found = new Map<string, R>()
    for (let i = 0; i < this.#keys.length; i++) {
      const result = this.#results[i]
      if (result !== undefined) found.set(this.#keys[i]!, result)
    }
    emitLast(this.subscriber, found)
  }
}

/** One key of a {@link GetAllCall}. */
export class GetAllRead<V> extends ValueRead<V> {
  readonly #call: GetAllCall<V, unknown>
  readonly #index: number

  constructor(key: string, call: GetAllCall<V, unknown>, index: number) {
    super(key)
    this.#call = call
    this.#index = index
  }

  override get withdrawn(): boolean {
    return this.#call.subscriber.closed
  }

  found(value: V | undefined, version: number): void {
    this.#call.found(this.#index, value, version)
  }

  failed(error: KVError): void {
    this.#call.subscriber.error(error)
  }
}

/** Emits what came of one write. */
export class WriteCall<R> extends ValueWrite {
  readonly #subscriber: Subscriber<R>
  readonly #resultOf: (written: Written) => R

  constructor(subscriber: Subscriber<R>, resultOf: (written: Written) => R) {
    super()
    this.#subscriber = subscriber
    this.#resultOf = resultOf
  }

  override get withdrawn(): boolean {
    return this.#subscriber.closed
  }

  written(written: Written): void {
    emitLast(this.#subscriber, this.#resultOf(written))
  }

  failed(error: KVError): void {
    this.#subscriber.error(error)
  }
}

/** Emits the entry after an update. */
export class UpdateCall<V> extends Update<V> {
  readonly #subscriber: Subscriber<Entry<V> | undefined>
  readonly next: (current: V | undefined) => V | undefined

  constructor(
    key: string,
    subscriber: Subscriber<Entry<V> | undefined>,
    next: (current: V | undefined) => V | undefined,
  ) {
    super(key)
    this.#subscriber = subscriber
    this.next = next
  }

  override get withdrawn(): boolean {
    return this.#subscriber.closed
  }

  protected answered(result: Entry<V> | undefined | KVError): void {
    if (result instanceof KVError) this.#subscriber.error(result)
    else emitLast(this.#subscriber, result)
  }
}

/** Emits what came of a transaction. */
export class TransactionCall<R> implements Committer {
  readonly #subscriber: Subscriber<R>
  readonly #resultOf: (written: readonly Written[]) => R

  constructor(subscriber: Subscriber<R>, resultOf: (written: readonly Written[]) => R) {
    this.#subscriber = subscriber
    this.#resultOf = resultOf
  }

  get withdrawn(): boolean {
    return this.#subscriber.closed
  }

  committed(written: readonly Written[]): void {
    emitLast(this.#subscriber, this.#resultOf(written))
  }

  failed(error: KVError): void {
    this.#subscriber.error(error)
  }
}

/** How many keys existed that were deleted. */
export const existing = (written: readonly Written[]): number =>
  written.filter(({ existed }) => existed).length
