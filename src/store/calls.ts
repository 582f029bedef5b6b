import type { Subscriber } from 'rxjs'
import type { Stored, Write, Written } from '../engine.ts'
import { KVError } from '../errors.ts'
import type { BulkTarget } from './bulk.ts'
import type { Entry } from './kv-store.ts'
import { ReadRequest, WriteRequest } from './requests.ts'

/** Turns bytes into a value; throws a KVError. */
export type Decode<V> = (key: string, bytes: Uint8Array) => V

/** One key for one subscriber. */
export class ReadCall<V, R> extends ReadRequest {
  readonly keys: readonly string[]
  readonly #subscriber: Subscriber<R | undefined>
  readonly #decode: Decode<V>
  readonly #emit: (key: string, value: V, version: number) => R

  constructor(
    key: string,
    now: number,
    timeout: number,
    subscriber: Subscriber<R | undefined>,
    decode: Decode<V>,
    emit: (key: string, value: V, version: number) => R,
  ) {
    super(now, timeout)
    this.keys = [key]
    this.#subscriber = subscriber
    this.#decode = decode
    this.#emit = emit
  }

  /** Asked of the subscriber, which would have to keep a list for this call to be told. */
  override get withdrawn(): boolean {
    return this.#subscriber.closed
  }

  settle(_index: number, result: Stored | undefined | KVError): void {
    if (result instanceof KVError) {
      this.#subscriber.error(result)
      return
    }
    let emitted: R | undefined
    if (result !== undefined) {
      const key = this.keys[0]!
      try {
        emitted = this.#emit(key, this.#decode(key, result.value), result.version)
      } catch (error) {
        this.#subscriber.error(error)
        return
      }
    }
    this.#subscriber.next(emitted)
    this.#subscriber.complete()
  }
}

/** Many keys for one target. */
export class BulkRead<V> extends ReadRequest {
  readonly keys: readonly string[]
  /** Where the results belong, where `keys` are only some of what the target asked for. */
  readonly #indices: readonly number[] | undefined
  readonly #target: BulkTarget<V>
  readonly #decode: Decode<V>

  constructor(
    keys: readonly string[],
    indices: readonly number[] | undefined,
    now: number,
    timeout: number,
    target: BulkTarget<V>,
    decode: Decode<V>,
  ) {
    super(now, timeout)
    this.keys = keys
    this.#indices = indices
    this.#target = target
    this.#decode = decode
  }

  settle(index: number, result: Stored | undefined | KVError): void {
    const at = this.#indices === undefined ? index : this.#indices[index]!
    if (result === undefined) this.#target.settle(at, undefined, undefined, -1)
    else if (result instanceof KVError) this.#target.settle(at, result, undefined, -1)
    else {
      let value: V
      try {
        value = this.#decode(this.keys[index]!, result.value)
      } catch (error) {
        this.#target.settle(at, error as KVError, undefined, -1)
        return
      }
      this.#target.settle(at, undefined, value, result.version)
    }
  }
}

/** One write for one subscriber. */
abstract class WriteCall<R> extends WriteRequest {
  readonly atomic = false
  readonly writes: readonly Write[]
  readonly #subscriber: Subscriber<R>

  constructor(write: Write, now: number, timeout: number, subscriber: Subscriber<R>) {
    super(now, timeout)
    this.writes = [write]
    this.#subscriber = subscriber
  }

  /** Asked of the subscriber, which would have to keep a list for this call to be told. */
  override get withdrawn(): boolean {
    return this.#subscriber.closed
  }

  settle(_index: number, result: Written | KVError): void {
    if (result instanceof KVError) {
      this.#subscriber.error(result)
      return
    }
    this.#subscriber.next(this.emitted(result))
    this.#subscriber.complete()
  }

  protected abstract emitted(written: Written): R
}

/** Emits the entry. */
export class PutCall<V> extends WriteCall<Entry<V>> {
  readonly #value: V

  constructor(write: Write, value: V, now: number, timeout: number, subscriber: Subscriber<Entry<V>>) {
    super(write, now, timeout, subscriber)
    this.#value = value
  }

  protected emitted({ version }: Written): Entry<V> {
    return { key: this.writes[0]!.key, value: this.#value, version }
  }
}

/** Emits whether there was something to delete. */
export class DeleteCall extends WriteCall<boolean> {
  protected emitted({ existed }: Written): boolean {
    return existed
  }
}

/** Many writes, each for itself. */
export class BulkWrite extends WriteRequest {
  readonly atomic = false
  readonly writes: readonly Write[]
  readonly #settled: (index: number, result: Written | KVError) => void

  constructor(
    writes: readonly Write[],
    now: number,
    timeout: number,
    settled: (index: number, result: Written | KVError) => void,
  ) {
    super(now, timeout)
    this.writes = writes
    this.#settled = settled
  }

  settle(index: number, result: Written | KVError): void {
    this.#settled(index, result)
  }
}

/** All or none, for one subscriber. */
export class TransactionCall<R> extends WriteRequest {
  readonly atomic = true
  readonly writes: readonly Write[]
  readonly #subscriber: Subscriber<R[]>
  readonly #emit: (index: number, written: Written) => R
  readonly #results: R[] = []

  constructor(
    writes: readonly Write[],
    now: number,
    timeout: number,
    subscriber: Subscriber<R[]>,
    emit: (index: number, written: Written) => R,
  ) {
    super(now, timeout)
    this.writes = writes
    this.#subscriber = subscriber
    this.#emit = emit
  }

  settle(index: number, result: Written | KVError): void {
    if (result instanceof KVError) {
      // The same for every write; a subscriber that had its error hears no more.
      this.#subscriber.error(result)
      return
    }
    this.#results.push(this.#emit(index, result))
    if (this.#results.length < this.writes.length) return
    this.#subscriber.next(this.#results)
    this.#subscriber.complete()
  }
}
