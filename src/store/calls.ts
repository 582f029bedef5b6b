import type { Subscriber } from 'rxjs'
import type { KVError } from '../base/errors.ts'
import type { Written } from '../contract/engine.ts'
import type { Committer, Reader, Updater, Writer } from './access.ts'
import type { Entry } from './kv-store.ts'

/** Emits one result and completes. */
export function emitLast<R>(subscriber: Subscriber<R>, result: R): void {
  subscriber.next(result)
  subscriber.complete()
}

/** What one subscriber asked of the store. */
abstract class Call<R> {
  protected readonly subscriber: Subscriber<R>

  constructor(subscriber: Subscriber<R>) {
    this.subscriber = subscriber
  }

  /** Asked of the subscriber, which would have to keep a list for this call to be told. */
  get withdrawn(): boolean {
    return this.subscriber.closed
  }

  failed(error: KVError): void {
    this.subscriber.error(error)
  }

  protected emit(result: R): void {
    emitLast(this.subscriber, result)
  }
}

/** Makes what is emitted of a key that was found. */
export type Found<V, R> = (key: string, value: V, version: number) => R

/** Emits what is stored under one key. */
export class GetCall<V, R> extends Call<R | undefined> implements Reader<V> {
  readonly #key: string
  readonly #resultOf: Found<V, R>

  constructor(key: string, subscriber: Subscriber<R | undefined>, resultOf: Found<V, R>) {
    super(subscriber)
    this.#key = key
    this.#resultOf = resultOf
  }

  found(value: V | undefined, version: number): void {
    this.emit(value === undefined ? undefined : this.#resultOf(this.#key, value, version))
  }
}

/** Emits a map of what is stored under several keys, in their order. */
export class GetAllCall<V, R> extends Call<Map<string, R>> {
  readonly #keys: readonly string[]
  readonly #results: (R | undefined)[]
  readonly #resultOf: Found<V, R>
  #left: number

  constructor(keys: readonly string[], subscriber: Subscriber<Map<string, R>>, resultOf: Found<V, R>) {
    super(subscriber)
    this.#keys = keys
    this.#results = new Array(keys.length)
    this.#resultOf = resultOf
    this.#left = keys.length
  }

  /** Takes what is stored under the key at `index`. */
  found(index: number, value: V | undefined, version: number): void {
    if (value !== undefined) this.#results[index] = this.#resultOf(this.#keys[index]!, value, version)
    if (--this.#left > 0 || this.withdrawn) return
    const found = new Map<string, R>()
    for (let i = 0; i < this.#keys.length; i++) {
      const result = this.#results[i]
      if (result !== undefined) found.set(this.#keys[i]!, result)
    }
    this.emit(found)
  }
}

/** One key of a {@link GetAllCall}. */
export class GetAllReader<V> implements Reader<V> {
  readonly #call: GetAllCall<V, unknown>
  readonly #index: number

  constructor(call: GetAllCall<V, unknown>, index: number) {
    this.#call = call
    this.#index = index
  }

  get withdrawn(): boolean {
    return this.#call.withdrawn
  }

  failed(error: KVError): void {
    this.#call.failed(error)
  }

  found(value: V | undefined, version: number): void {
    this.#call.found(this.#index, value, version)
  }
}

/** Emits what came of one write. */
export class WriteCall<R> extends Call<R> implements Writer {
  readonly #resultOf: (written: Written) => R

  constructor(subscriber: Subscriber<R>, resultOf: (written: Written) => R) {
    super(subscriber)
    this.#resultOf = resultOf
  }

  written(written: Written): void {
    this.emit(this.#resultOf(written))
  }
}

/** Emits how many keys existed that were deleted. */
export class DeleteAllCall extends Call<number> implements Committer {
  committed(written: readonly Written[]): void {
    this.emit(written.filter(({ existed }) => existed).length)
  }
}

/** Emits the entry after an update. */
export class UpdateCall<V> extends Call<Entry<V> | undefined> implements Updater<V> {
  readonly next: (current: V | undefined) => V | undefined

  constructor(subscriber: Subscriber<Entry<V> | undefined>, next: (current: V | undefined) => V | undefined) {
    super(subscriber)
    this.next = next
  }

  updated(entry: Entry<V> | undefined): void {
    this.emit(entry)
  }
}

/** Emits the results of a transaction. */
export class TransactionCall<R> extends Call<R[]> implements Committer {
  readonly #resultOf: (written: Written, index: number) => R

  constructor(subscriber: Subscriber<R[]>, resultOf: (written: Written, index: number) => R) {
    super(subscriber)
    this.#resultOf = resultOf
  }

  committed(written: readonly Written[]): void {
    this.emit(written.map(this.#resultOf))
  }
}
