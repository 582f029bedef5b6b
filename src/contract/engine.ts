/**
 * The Engine contract: bytes, in batches. A store (codecs, batching, watches, cache) works on any object of this shape.
 *
 * Writing a new engine: implement {@link Engine}, wrap it with `kvStore(engine, options)`, and run `kvStoreContract`
 * from `rxkeeper/testing` on it. The store does the following, so that an engine need not:
 *
 * - it checks keys (non-empty, well-formed, at most `limits.keyBytes`) and sizes (`limits.valueBytes`),
 * - it never passes more than `limits.readBatch` keys or `limits.readBytes` bytes to one call of `read`, nor more than
 *   `limits.writeBatch` writes or `limits.batchBytes` bytes to one of `write` (a single write may be larger), and makes
 *   at most `limits.inFlight` such calls at a time,
 * - it never passes on a write of a key while another call with a write of that key is in flight,
 * - it reads a key for a caller who has requested a write of it earlier only when that write is answered. (Listings,
 *   and reads requested before the write, may be in flight with it.)
 *
 * What an engine promises:
 *
 * - Every Observable that it returns does its work once, when subscribed, and emits exactly one value and completes, or
 *   fails with a KVError; synchronously or later. Unsubscribing does not undo the work.
 * - Every later read sees an acknowledged write, and no read goes back in time.
 * - A change signal for a key comes before any answer of `read` that shows the change, and every answer after the
 *   signal shows it.
 * - The bytes of a value passed in either direction are never modified afterwards, on either side.
 * - An answer is definite. If the outcome of a write cannot be known, its result is `INDETERMINATE`.
 */
import type { Observable } from 'rxjs'
import type { KVError } from '../base/errors.ts'

/** What an engine stores for a key. */
export interface Stored {
  readonly value: Uint8Array
  /**
   * 0 when created, one more at each write, 0 again when recreated. A signed 32-bit number: 2^31 - 1 is followed by
   * -2^31, and -2 by 0, because -1 is ZooKeeper's "any version". (On an older ZooKeeper, writes without a known version
   * can take a node to -1; conditional writes then fail with `INVALID_ARGUMENT` until the next unconditional one.)
   */
  readonly version: number
  /**
   * Grows with every write to the engine, whatever the key, and so distinguishes a recreated key from the old one
   * (ZooKeeper's mzxid).
   */
  readonly revision: number
}

/** A key with its stored value. */
export interface StoredEntry extends Stored {
  readonly key: string
}

/** The version that a conditional write expects; `'absent'` expects that the key does not exist. */
export type ExpectedVersion = number | 'absent'

/** One write. Without `ifVersion` a put or delete is unconditional. */
export type Write =
  | {
      readonly type: 'put'
      readonly key: string
      readonly value: Uint8Array
      readonly ifVersion?: ExpectedVersion | undefined
      /**
       * Only of an {@link Engine.nodes | node}, and with `ifVersion: 'absent'`: it is deleted when the session of this
       * engine ends.
       */
      readonly ephemeral?: true | undefined
    }
  | { readonly type: 'delete'; readonly key: string; readonly ifVersion?: number | undefined }
  | { readonly type: 'check'; readonly key: string; readonly ifVersion: ExpectedVersion }

/** The outcome of one write: whether the key existed before it, and the version and revision after it. */
export interface Written {
  /** Whether the key existed before this write. */
  readonly existed: boolean
  /** The version after a put; -1 after a delete or a check. */
  readonly version: number
  /** The revision after a put; -1 if the engine does not know. */
  readonly revision: number
}

/** The limits of an engine. */
export interface EngineLimits {
  /** The longest key, in bytes of UTF-8. */
  readonly keyBytes: number
  /** The largest value of `key`, in bytes. */
  valueBytes(key: string): number
  /** The most keys in one read; consulted before each, so an engine may adapt it to the size of its answers. */
  readonly readBatch: number
  /** The most bytes of keys in one read. */
  readonly readBytes: number
  /** The most writes in one write. */
  readonly writeBatch: number
  /** The most bytes (keys, values and `overheadBytes` for each write) in one `write` or `commit`. */
  readonly batchBytes: number
  /** The bytes of one write besides its key and value. */
  readonly overheadBytes: number
  /** How many reads, and how many writes, should be in flight at a time. */
  readonly inFlight: number
}

/** A span of keys, in unsigned byte order of their UTF-8: from `from` (inclusive) to `to` (exclusive). */
export interface KeySpan {
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly reverse?: boolean | undefined
}

/** The pages of a scan, pulled one after the other. */
export interface Scan<P> {
  /** Emits the next page, in key order; an empty page is the end. Called again only after the previous page came. */
  next(due: Due): Observable<readonly P[]>
  /** Releases the resources of the scan. */
  close(): void
}

/** The state of an engine's connection. */
export type ConnectionState = 'connected' | 'suspended' | 'lost' | 'closed'

/** A connection state, and its reason. */
export interface Status {
  readonly state: ConnectionState
  /** For people: what happened, for instance the address and the error. */
  readonly reason: string
}

/**
 * A signal of a watch: `armed` (from now on every change is signalled; anything may have changed before), `changed`
 * (these keys were written or deleted, one signal or more for each change, in order), `disarmed` (changes may be missed
 * from here on, until armed again).
 */
export type WatchSignal =
  | { readonly type: 'armed' }
  | { readonly type: 'changed'; readonly keys: readonly string[] }
  | { readonly type: 'disarmed' }

/** The time by which an answer is due. */
export interface Due {
  /** In milliseconds, by `performance.now()` or the store's scheduler. */
  readonly deadline: number
}

/** A node beside the keys, as it was when its parent was listed. */
export interface NodeEntry extends Stored {
  /** Its own name, below its parent. */
  readonly name: string
}

/**
 * Nodes beside the keys, with which processes coordinate. Their addresses (`nodeKey`) are not valid keys; `read`,
 * `write` and `commit` take them wherever they take a key, so that one commit can write nodes and keys. Listings and
 * watches of keys leave them out. Missing parents of a node are created with it.
 *
 * An ephemeral node lives as long as the engine's session: once the engine is `lost`, it is gone, or will be.
 */
export interface Nodes {
  /**
   * Emits the children of `parent` (none, if it is absent), unordered: now, and again whenever one was created or
   * deleted, including those missed in an outage; not when only values change. Never completes before `close`.
   */
  children(parent: string): Observable<readonly NodeEntry[]>
}

/** The deadlines of several writes; `deadline` is the latest. */
export interface WriteDue extends Due {
  /** The deadline of the write at `index`. */
  deadlineOf(index: number): number
  /**
   * Reports the outcome of the write at `index` before the others: it was decided earlier, or its deadline has passed
   * (`TIMEOUT` if it will certainly not be carried out, `INDETERMINATE` if it may be). The answer for all writes has
   * the same outcome. An engine that answers at once need not call it.
   */
  settled(index: number, outcome: Written | KVError): void
}

/**
 * The engines that an engine consists of; each key is in one of them. A store then makes requests to each separately,
 * so that one that is slow, or down, holds up its own keys only.
 */
export interface Parts {
  /** The engines, always in the same order. */
  readonly engines: readonly Engine[]
  /** Which of them holds a key. A node beside the keys may be in any, and be another in each. */
  indexOf(key: string): number
  /**
   * Which of them holds all keys of a transaction, or the one that is named, which then has the nodes, too; throws
   * `UNSUPPORTED` where none does, or that one does not.
   */
  holding(writes: readonly Write[], index?: number): number
}

/**
 * What an engine has whose stores can be moved. It keeps to what the data of its root says (`Seal`, in
 * `contract/seal.ts`) in every transaction, so that who sets that has shut others out, and ends watches where the store
 * has been moved.
 */
export interface Movable {
  /**
   * Emits the nodes beside the keys that outlive their session, each after the one above it; not the root, nor what the
   * engine keeps for itself.
   */
  nodes(due: Due): Observable<readonly StoredEntry[]>
}

/** A key-value engine: bytes, in batches. The head of this file says what both sides promise. */
export interface Engine {
  /** Its name in messages: `memory`, `lmdb`, `zookeeper`, … */
  readonly name: string
  readonly limits: EngineLimits
  /** The connection state; replays the current one, completes after `closed`. */
  readonly status$: Observable<Status>
  /**
   * Emits the stored value of each key, in the order of `keys`; `undefined` for an absent key, an error for one that
   * failed by itself.
   */
  read(keys: readonly string[], due: Due): Observable<readonly (Stored | undefined | KVError)[]>
  /** Carries out the writes, independently of each other, those of one key in order; emits the outcome of each. */
  write(writes: readonly Write[], due: WriteDue): Observable<readonly (Written | KVError)[]>
  /** Carries out the writes in order, all or none; fails with the error of the first one that cannot be carried out. */
  commit(writes: readonly Write[], due: Due): Observable<readonly Written[]>
  /** Starts to read the entries of a span, in key order by page. Entries written meanwhile may or may not be seen. */
  entries(span: KeySpan): Scan<StoredEntry>
  /** Starts to list the keys of a span, in key order by page. */
  keys(span: KeySpan): Scan<string>
  /** Signals changes while subscribed; never completes before `close`, never fails on a lost connection. */
  watch(): Observable<WatchSignal>
  /**
   * Nodes beside the keys; `undefined` if the engine has none, so that its stores cannot have groups (`UNSUPPORTED`).
   */
  readonly nodes?: Nodes | undefined
  /**
   * Whether `read`, `write` and `commit` take nodes beside the keys even though the engine has no `nodes`: persistent
   * ones, in which jobs keep their positions. Without either, jobs with a `position` fail with `UNSUPPORTED`.
   */
  readonly keepsNodes?: boolean | undefined
  /** What it takes to move its stores; `undefined` where they cannot be (`UNSUPPORTED`). */
  readonly movable?: Movable | undefined
  /** The engines that it consists of, if it does. Its own methods work on all of them together. */
  readonly parts?: Parts | undefined
  /** Carries out or rejects accepted operations, and releases everything. Idempotent. */
  close(): Promise<void>
}
