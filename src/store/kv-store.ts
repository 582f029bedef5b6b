import type { Observable, SchedulerLike } from 'rxjs'
import type { Codec } from '../codecs.ts'
import type { ExpectedVersion, Status } from '../contract/engine.ts'

/** A key with its value and version. */
export interface Entry<V> {
  readonly key: string
  readonly value: V
  /**
   * 0 when created, one more at each write, 0 again when recreated. A signed 32-bit number: 2^31 - 1 is followed by
   * -2^31, and -2 by 0.
   */
  readonly version: number
}

/** Options of a single call. */
export interface CallOptions {
  /**
   * How long the call may take, in milliseconds.
   * @defaultValue the store's `timeout`
   */
  readonly timeout?: number | undefined
}

/** Options of {@link KVStore.put$}. */
export interface PutOptions extends CallOptions {
  /**
   * Write only if the key has this version, or with `'absent'` only if it does not exist; else `VERSION_CONFLICT`. With
   * an `expireAfter`, a value that has expired and is not deleted yet does not exist.
   */
  readonly ifVersion?: ExpectedVersion | undefined
  /**
   * How long the value lives, in whole milliseconds, unless it is written again; then it reads as absent. It is deleted
   * by the next write of the key, or by {@link sweep$}.
   * @defaultValue for ever
   */
  readonly expireAfter?: number | undefined
}

/** Options of {@link KVStore.delete$}. */
export interface DeleteOptions extends CallOptions {
  /** Delete only if the key has this version; else `VERSION_CONFLICT`. */
  readonly ifVersion?: number | undefined
}

/** A range of keys in unsigned byte order of their UTF-8: `[from, to)`, of those that start with `prefix`. */
export interface Range {
  /** The first key (inclusive). */
  readonly from?: string | undefined
  /** The end (exclusive). */
  readonly to?: string | undefined
  /** Only keys that start with this. */
  readonly prefix?: string | undefined
}

/** A range to list. */
export interface ListOptions extends Range, CallOptions {
  /** From the last key to the first. */
  readonly reverse?: boolean | undefined
  /** At most this many. */
  readonly limit?: number | undefined
}

/** A write of a transaction. */
export type Mutation<V> =
  | {
      readonly type: 'put'
      readonly key: string
      readonly value: V
      readonly ifVersion?: ExpectedVersion | undefined
      /** As of {@link PutOptions}. */
      readonly expireAfter?: number | undefined
    }
  | { readonly type: 'delete'; readonly key: string; readonly ifVersion?: number | undefined }
  | { readonly type: 'check'; readonly key: string; readonly ifVersion: ExpectedVersion }

/** A put of raw bytes, which bypasses the store's codec, in a commit. */
export interface BytesPut {
  readonly type: 'put'
  readonly key: string
  readonly bytes: Uint8Array
  readonly ifVersion?: ExpectedVersion | undefined
}

/**
 * The result of one write of a transaction: the entry after a put, whether it existed for a delete, nothing for a
 * check.
 */
export type MutationResult<V> =
  | { readonly type: 'put'; readonly entry: Entry<V> }
  | { readonly type: 'delete'; readonly existed: boolean }
  | { readonly type: 'check' }

/** The result of an update with a new value of type `N`: an entry, or `undefined` if it may delete. */
export type Updated<V, N> = Entry<V> | (undefined extends N ? undefined : never)

/** What {@link KVStore.changes$} emits. */
export type Change<V> =
  | { readonly type: 'put'; readonly key: string; readonly value: V; readonly version: number }
  | { readonly type: 'delete'; readonly key: string }
  | { readonly type: 'synced' }

/**
 * Keyed state: values of type `V` by string key.
 *
 * Every Observable is cold: nothing is requested until it is subscribed to, each subscription is a new request, and
 * unsubscribing withdraws what has not been sent. Absent is `undefined`. Errors are `KVError`.
 *
 * @example
 * ```ts
 * import { firstValueFrom } from 'rxjs'
 * import { json, memoryStore } from 'rxkeeper'
 *
 * await using store = memoryStore({ value: json<number>() })
 * await firstValueFrom(store.put$('alice', 1))
 * console.log(await firstValueFrom(store.get$('alice'))) // 1
 * ```
 */
export interface KVStore<in out V> extends AsyncDisposable {
  /** Emits the value, or `undefined` where absent, and completes. */
  get$(key: string, options?: CallOptions): Observable<V | undefined>
  /** Emits the entry, or `undefined` where absent, and completes. */
  entry$(key: string, options?: CallOptions): Observable<Entry<V> | undefined>
  /** Emits a map of the values of the existing `keys`, in the given order, and completes. */
  getAll$(keys: Iterable<string>, options?: CallOptions): Observable<Map<string, V>>
  /** As {@link getAll$}, with versions. */
  entryAll$(keys: Iterable<string>, options?: CallOptions): Observable<Map<string, Entry<V>>>
  /**
   * Writes the value, emits the entry once it is durable, and completes. `VERSION_CONFLICT` if `ifVersion` does not
   * hold.
   */
  put$(key: string, value: V, options?: PutOptions): Observable<Entry<V>>
  /** Writes all or none, emits the entries in the given order once they are durable, and completes. */
  putAll$(entries: Iterable<readonly [key: string, value: V]>, options?: CallOptions): Observable<Entry<V>[]>
  /** Deletes the key, emits whether it existed, and completes. */
  delete$(key: string, options?: DeleteOptions): Observable<boolean>
  /** Deletes all of the keys or none, emits how many existed, and completes. */
  deleteAll$(keys: Iterable<string>, options?: CallOptions): Observable<number>
  /**
   * Reads, computes and writes atomically: `transform` gets the current value, and its result is written on the
   * condition that nobody wrote meanwhile; otherwise everything is repeated, so `transform` must be pure. A result of
   * `undefined` deletes. Emits the entry, or `undefined` after a delete, and completes.
   */
  update$<N extends V | undefined>(
    key: string,
    transform: (value: V | undefined) => N,
    options?: CallOptions,
  ): Observable<Updated<V, N>>
  /** Carries out the writes in order, all or none, emits a result for each, and completes. */
  transact$(writes: Iterable<Mutation<V>>, options?: CallOptions): Observable<MutationResult<V>[]>
  /**
   * Emits the entries of a range in key order, page by page, and completes. Entries written meanwhile may or may not be
   * seen.
   */
  entries$(options?: ListOptions): Observable<Entry<V>>
  /**
   * Emits the keys of a range in key order and completes; includes keys whose values have expired but are not deleted
   * yet.
   */
  keys$(options?: ListOptions): Observable<string>
  /**
   * Emits the value now and each later one, `undefined` while absent; never completes before `close`, survives lost
   * connections. Values that follow each other faster than they can be read are conflated; the last one is always
   * emitted. All subscribers in this store get the same object: do not change it.
   */
  watch$(key: string): Observable<V | undefined>
  /**
   * Emits a `put` for each entry of the range, one `synced`, then `put` and `delete` as they happen (conflated per
   * key), and a `synced` again after each re-synchronisation; never completes before `close`.
   */
  changes$(range?: Range): Observable<Change<V>>
  /** The connection state; replays the current one, completes after `closed`. */
  readonly status$: Observable<Status>
  /** Carries out or rejects accepted operations and releases everything. Idempotent. */
  close(): Promise<void>
}

/** A store of any values. */
export type AnyStore = Pick<KVStore<never>, 'status$' | 'close'>

/** Options of every store, whatever its engine. */
export interface StoreOptions<V> {
  /** The codec of the values. */
  readonly value: Codec<V>
  /**
   * How long an operation may take, in milliseconds, before it fails with `TIMEOUT` or `INDETERMINATE`.
   * @defaultValue 30000
   */
  readonly timeout?: number | undefined
  /**
   * The most entries to cache in memory, each only while a watch guards it, so that a read from memory is as fresh as
   * one from the server. A cached value is frozen if the codec can (`freeze`), and otherwise decoded for each read, so
   * that nobody can change it for others.
   * @defaultValue 0 (none)
   */
  readonly cache?: number | undefined
  /**
   * The clock; give a `TestScheduler` to test on virtual time.
   * @defaultValue the process's clock and event loop
   */
  readonly scheduler?: SchedulerLike | undefined
}
