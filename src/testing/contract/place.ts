import assert from 'node:assert/strict'
import type { Codec } from '../../codecs.ts'
import type { KVStore, StoreOptions } from '../../store/kv-store.ts'

/** A fresh, empty place for data, in which the contract suite opens stores. */
export interface StorePlace {
  /** Opens a store on the data of this place: again after a close or, where data are shared, several at a time. */
  open<V>(options: StoreOptions<V>): KVStore<V> | Promise<KVStore<V>>
  /** Sets the version of a key, as if it had been written that often; required with `ages`. */
  age?(key: string, version: number): Promise<void> | void
  /** Removes the data; all stores are closed by then. */
  remove?(): Promise<void> | void
}

/** One case of the suite: opens the stores that it needs; all are closed and removed at its end. */
export class Case implements AsyncDisposable {
  readonly #place: StorePlace
  readonly #stores: { close(): Promise<void> }[] = []

  constructor(place: StorePlace) {
    this.#place = place
  }

  /** Opens a store; several times for several stores on the same data. */
  async open<V>(value: Codec<V>, options: Omit<StoreOptions<V>, 'value'> = {}): Promise<KVStore<V>> {
    const store = await this.#place.open({ ...options, value })
    this.#stores.push(store)
    return store
  }

  /** Sets the version of a key, as if it had been written that often. */
  async age(key: string, version: number): Promise<void> {
    assert.ok(this.#place.age, 'a place that `ages` must have a method `age`')
    await this.#place.age(key, version)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#stores.map(store => store.close()))
    await this.#place.remove?.()
  }
}

/** The cases of one subject. */
export interface Suite {
  readonly capabilities: Capabilities
  /** Declares a case. */
  it(name: string, run: (stores: Case) => Promise<void>): void
}

/** What an engine can do beyond the minimum; the suite adapts to it. */
export interface Capabilities {
  /** Whether a store finds the data when it is opened again. */
  readonly durable: boolean
  /** Whether several stores may be open on the same data. */
  readonly shared: boolean
  /** Whether places can `age` a key, so that the end of the version range can be tried. */
  readonly ages: boolean
  /**
   * Whether two keys can share a transaction, if not all can; other transactions must fail with `UNSUPPORTED`. Two keys
   * that begin with `{t}` always can.
   */
  readonly mayShare?: ((one: string, other: string) => boolean) | undefined
  /** The longest key, in bytes, if there is a limit worth trying. */
  readonly keyBytes?: number | undefined
  /** A value size in bytes that surely fits, and one that is surely too large, if there is such a limit. */
  readonly valueBytes?: { readonly fits: number; readonly exceeds: number } | undefined
}
