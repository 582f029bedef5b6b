/**
 * The Engine contract: bytes, in batches. A store (codecs, batching, watches, cache) stands on any object of this shape.
 *
 * Writing a new engine: implement {@link Engine}, wrap it with `kvStore(engine, options)`, and run `kvStoreContract`
 * from `rxkeeper/testing` on it. What the store above does, so that an engine need not:
 *
 * - it checks keys (non-empty, well-formed, at most `limits.keyBytes`) and sizes (`limits.valueBytes`),
 * - it never gives more than `limits.readBatch` keys or `limits.readBytes` bytes to one call of `read`, nor more than
 *   `limits.writeBatch` writes or `limits.batchBytes` bytes to one of `write` (a single one may be larger), nor more than
 *   `limits.inFlight` such calls at a time,
 * - it never gives a write of a key while another call with a write of that key is under way,
 * - it reads a key for a caller who has asked for a write of it before only when that write is answered. (Listings, and
 *   reads that were asked for before the write, may be under way with it.)
 *
 * What an engine promises:
 *
 * - Every Observable it returns does its work once, when subscribed, emits exactly one value and completes, or fails
 *   with a KVError; synchronously or later. Unsubscribing does not undo what was begun.
 * - An acknowledged write is seen by every later read, and no read goes back in time.
 * - A change signal for a key comes before any answer of `read` that shows the change, and an answer that comes after
 *   the signal shows it.
 * - The bytes of a value that it is given or gives are never written to afterwards, on either side.
 * - An answer is definite. Where the outcome of a write cannot be known, its result is `INDETERMINATE`.
 */
import type { Observable } from 'rxjs'
import type { KVError } from '../base/errors.ts'

/** What an engine holds for a key. */
export interface Stored {
  readonly value: Uint8Array
  /**
   * 0 when created, one more at each write, 0 again when recreated. A signed 32-bit number: 2^31 - 1 is followed by -2^31,
   * and -2 by 0, because -1 is ZooKeeper's "any version". (A node whose version is not known beforehand comes to -1 on
   * an older ZooKeeper; conditional writes then fail with `INVALID_ARGUMENT` until the next unconditional one.)
   */
  readonly version: number
  /** Grows with every write to the engine, whatever the key: tells a recreated key from an old one (ZooKeeper's mzxid). */
  readonly revision: number
}

/** A key with what is stored for it. */
export interface StoredEntry extends Stored {
  readonly key: string
}

/** The version a conditional write expects; `'absent'` expects that there is no such key. */
export type ExpectedVersion = number | 'absent'

/** One write. Without `ifVersion` a put or delete is unconditional. */
export type Write =
  | {
      readonly type: 'put'
      readonly key: string
      readonly value: Uint8Array
      readonly ifVersion?: ExpectedVersion | undefined
      /** Only of an {@link Engine.nodes | node}, and with `ifVersion: 'absent'`: it goes when the session of this engine ends. */
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
  /** The revision after a put; -1 where the engine does not tell. */
  readonly revision: number
}

/** The bounds an engine sets on what it is given. */
export interface EngineLimits {
  /** The longest key, in bytes of UTF-8. */
  readonly keyBytes: number
  /** The largest value of `key`, in bytes. */
  valueBytes(key: string): number
  /** The most keys in one read; looked at before each, so an engine may learn how many one answer should have. */
  readonly readBatch: number
  /** The most bytes of keys in one read. */
  readonly readBytes: number
  /** The most writes in one write. */
  readonly writeBatch: number
  /** The most bytes (keys, values and `overheadBytes` for each write) in one `write` or `commit`. */
  readonly batchBytes: number
  /** What one write costs beside its key and value, in bytes. */
  readonly overheadBytes: number
  /** How many reads, and how many writes, are worth having under way at a time. */
  readonly inFlight: number
}

/** Which keys, in unsigned byte order of their UTF-8: from `from` (inclusive) up to `to` (exclusive). */
export interface KeySpan {
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly reverse?: boolean | undefined
}

/** Pages of a scan, pulled one after the other. */
export interface Scan<P> {
  /** Emits the next page, in key order; an empty page is the end. Called again only after the previous page came. */
  next(due: Due): Observable<readonly P[]>
  /** Releases what the scan holds. */
  close(): void
}

/** What an engine knows of its connection. */
export type ConnectionState = 'connected' | 'suspended' | 'lost' | 'closed'

/** A connection state and why it came. */
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
  /** In milliseconds of `performance.now()` (of the store's scheduler, where it was given one). */
  readonly deadline: number
}

/** A node beside the keys, as it was when its parent was listed. */
export interface NodeEntry extends Stored {
  /** Its own name, below its parent. */
  readonly name: string
}

/**
 * Nodes beside the keys, by which processes coordinate. They have addresses that no key has (`nodeKey`), which `read`,
 * `write` and `commit` take wherever they take a key, so that a commit can carry nodes and keys together; listings and
 * watches of keys leave them out. What is missing above a node is made with it.
 *
 * An ephemeral node is there as long as the engine's session: when the engine has said `lost`, they are gone, or will be.
 */
export interface Nodes {
  /**
   * Emits the nodes directly below `parent` (none, where it is absent), in no order: now, and again when one of them came
   * or went, also after what was missed in an outage; not when only their values change. Never completes before `close`.
   */
  children(parent: string): Observable<readonly NodeEntry[]>
}

/** The time by which the answer to each of several writes is due; `deadline` is the latest. */
export interface WriteDue extends Due {
  /** When the write at `index` is due. */
  deadlineOf(index: number): number
  /**
   * The write at `index` has its outcome while others have not yet: it was decided before them, or is out of time
   * (`TIMEOUT` where it will certainly not be carried out, `INDETERMINATE` where it may be). The answer of all has the
   * same outcome. An engine that answers at once need not call it.
   */
  settled(index: number, outcome: Written | KVError): void
}

/**
 * The engines that an engine is made of, where it is: each key is in one of them. A store then gives each its own requests,
 * so that one that is slow, or down, holds up its own keys only.
 */
export interface Parts {
  /** Always in the same order. */
  readonly engines: readonly Engine[]
  /** Which of them holds a key. A node beside the keys may be in any, and be another in each. */
  indexOf(key: string): number
  /**
   * Which of them holds all keys of a transaction, or the one that is named, which then has the nodes, too; throws `UNSUPPORTED`
   * where none does, or that one does not.
   */
  holding(writes: readonly Write[], index?: number): number
}

/**
 * What an engine has whose stores can be moved. It keeps to what the data of its root says (`Seal`, in `contract/seal.ts`) in
 * every transaction, so that who sets that has shut others out, and ends watches where the store has been moved.
 */
export interface Movable {
  /**
   * Emits the nodes beside the keys that outlive their session, each after the one above it; not the root, nor what the
   * engine keeps for itself.
   */
  nodes(due: Due): Observable<readonly StoredEntry[]>
}

/** A key-value engine: bytes, in batches. See the head of this file for what is promised on both sides. */
export interface Engine {
  /** For messages: `memory`, `lmdb`, `zookeeper`, … */
  readonly name: string
  readonly limits: EngineLimits
  /** The connection state; replays the current one, completes after `closed`. */
  readonly status$: Observable<Status>
  /** Emits what is stored for each key, in the order of `keys`; `undefined` where absent, an error where only that one failed. */
  read(keys: readonly string[], due: Due): Observable<readonly (Stored | undefined | KVError)[]>
  /** Carries out the writes, each for itself, those of one key in order; emits the outcome of each. */
  write(writes: readonly Write[], due: WriteDue): Observable<readonly (Written | KVError)[]>
  /** Carries out the writes in order, all or none; fails with the error of the first that cannot be carried out. */
  commit(writes: readonly Write[], due: Due): Observable<readonly Written[]>
  /** Begins reading the entries of a span, in key order by page. Entries written meanwhile may or may not be seen. */
  entries(span: KeySpan): Scan<StoredEntry>
  /** Begins listing the keys of a span, in key order by page. */
  keys(span: KeySpan): Scan<string>
  /** Signals changes while subscribed; never completes before `close`, never fails on a lost connection. */
  watch(): Observable<WatchSignal>
  /** Nodes beside the keys; `undefined` where the engine has none, so that its stores serve no groups (`UNSUPPORTED`). */
  readonly nodes?: Nodes | undefined
  /**
   * Whether `read`, `write` and `commit` take nodes beside the keys although the engine has no `nodes` to coordinate by: those
   * that stay, with which jobs keep their positions. Without either, jobs with a `position` fail with `UNSUPPORTED`.
   */
  readonly keepsNodes?: boolean | undefined
  /** What it takes to move its stores; `undefined` where they cannot be (`UNSUPPORTED`). */
  readonly movable?: Movable | undefined
  /** What it is made of, where it is made of engines. Its own methods work on all of them together. */
  readonly parts?: Parts | undefined
  /** Carries out or rejects what was accepted, releases everything. Idempotent. */
  close(): Promise<void>
}
