import type { Unsubscribable } from 'rxjs'
import type { KVError } from '../errors.ts'
import type { KVStore, Mutation } from './kv-store.ts'

/** Hears of each result of a bulk call once, in any order, synchronously or later. */
export interface BulkTarget<V> {
  /** `version` is -1 where the key is absent (after a delete, a check, or a read that found nothing). */
  settle(index: number, error: KVError | undefined, value: V | undefined, version: number): void
}

/**
 * Many single reads or writes in one call: what our operators use instead of an Observable a record.
 *
 * @internal
 */
export interface Bulk<V> {
  /** Reads each key. */
  read(keys: readonly string[], target: BulkTarget<V>): Unsubscribable
  /** Carries out each write for itself, those of one key in order. */
  write(writes: readonly Mutation<V>[], target: BulkTarget<V>): Unsubscribable
  /** What the cache knows of a key, at once; `undefined` where it has to be read. */
  cached(key: string): { readonly value: V | undefined } | undefined
  /** Runs `work` at the end of the turn, on the store's clock: so operators gather what belongs together. */
  defer(work: () => void): void
}

/** Where a store of ours has its {@link Bulk}. */
const BULK: unique symbol = Symbol('rxkeeper.bulk')

/** A store that offers bulk calls. */
export interface BulkStore<V> extends KVStore<V> {
  readonly [BULK]: Bulk<V>
}

export { BULK }

/** The bulk calls of a store; `undefined` where it is of another make. */
export const bulkOf = <V>(store: KVStore<V>): Bulk<V> | undefined => (store as Partial<BulkStore<V>>)[BULK]
