import { bufferOf } from '../../base/bytes.ts'
import { KVError } from '../../base/errors.ts'
import type { Stored, StoredEntry, WatchSignal } from '../../contract/engine.ts'
import { quoteKey } from '../../contract/keys.ts'
import { isNodeKey, ROOT } from '../../contract/nodes.ts'
import { type Database, Environment, MAX_KEY_BYTES } from './environment.ts'

/** How often to look for changes of other processes while somebody watches, in milliseconds. */
const POLL_INTERVAL = 25

/** The header of a record, its version and revision; the value follows. */
export const HEADER_BYTES = 12
const REVISION_OFFSET = 4

type Watcher = (signal: WatchSignal) => void

/** The changes of one transaction of this process, which took the root from one revision to another. */
export interface Changes {
  readonly from: number
  readonly to: number
  readonly keys: readonly string[]
}

/**
 * A keyspace of an environment, shared by the open stores of this process on it: its records, its revision counter and
 * its watchers.
 *
 * Records are at `r<root>\0<key>`, nodes beside the keys at `n<root>\0<names>`, the counter is at `m<root>`. The
 * counter shows readers which changes they have missed: this process's transactions note what they change, any other
 * growth comes from another process.
 */
export class Root {
  readonly environment: Environment
  /** The prefix of every key. */
  readonly prefix: string
  /** Sorts after all records of this root and before those of others. */
  readonly end: string
  readonly keyBytes: number
  readonly database: Database
  readonly #name: string
  readonly #nodePrefix: string
  readonly #counter: string
  readonly #watchers = new Set<Watcher>()
  #users = 0
  /** The revision up to which watchers were notified. */
  #told = 0
  #untold: Changes[] = []
  #poll: NodeJS.Timeout | undefined

  private constructor(environment: Environment, name: string) {
    this.environment = environment
    this.prefix = `r${name}\0`
    this.#nodePrefix = `n${name}\0`
    this.end = `r${name}\x01`
    this.keyBytes = MAX_KEY_BYTES - Buffer.byteLength(this.prefix)
    this.database = environment.database
    this.#name = name
    this.#counter = `m${name}`
  }

  static acquire(path: string, name: string): Root {
    const environment = Environment.acquire(path)
    const root = (environment.roots.get(name) as Root | undefined) ?? new Root(environment, name)
    environment.roots.set(name, root)
    root.#users++
    return root
  }

  async release(): Promise<void> {
    if (--this.#users === 0) this.environment.roots.delete(this.#name)
    await this.environment.release()
  }

  /** The revision of the last write, in the current transaction or snapshot. */
  get revision(): number {
    return this.database.getBinaryFast(this.#counter)?.readDoubleBE(0) ?? 0
  }

  /** The record of a key, in the current transaction or snapshot. */
  get(key: string): Stored | undefined {
    const place = this.database.getBinaryFast(this.#placeOf(key))
    if (place === undefined) return undefined
    // A buffer of lmdb-js that the next read overwrites; for a large record, its memory in the database.
    // Despite its type, lmdb-js returns a Uint8Array for a large record.
    const record = bufferOf(place)
    const value = Buffer.allocUnsafe(record.length - HEADER_BYTES)
    record.copy(value, 0, HEADER_BYTES, record.length)
    return stored(record, value)
  }

  /** Throws `INVALID_KEY` for a node whose names exceed the longest key of LMDB. */
  #placeOf(key: string): string {
    if (!isNodeKey(key)) return this.prefix + key
    const place = this.#nodePrefix + key.slice(1)
    if (Buffer.byteLength(place) <= MAX_KEY_BYTES) return place
    throw new KVError('INVALID_KEY', `the name of the ${quoteKey(key)} is too long for LMDB`)
  }

  /** All nodes beside the keys except the root, parents first. */
  nodes(): StoredEntry[] {
    const range = { start: `${this.#nodePrefix}\x01`, end: `n${this.#name}\x01` }
    const nodes: StoredEntry[] = []
    for (const { key: place, value } of this.database.getRange(range)) {
      const record = bufferOf(value)
      const copy = Buffer.from(record.subarray(HEADER_BYTES))
      nodes.push({ key: ROOT + String(place).slice(this.#nodePrefix.length), ...stored(record, copy) })
    }
    return nodes
  }

  /** Writes records (`undefined` deletes) and the revision; must be called in a transaction. */
  put(records: ReadonlyMap<string, Stored | undefined>, revision: number): void {
    for (const [key, record] of records) {
      if (record === undefined) this.database.removeSync(this.#placeOf(key))
      else this.database.putSync(this.#placeOf(key), encode(record))
    }
    const counter = Buffer.allocUnsafe(8)
    counter.writeDoubleBE(revision)
    this.database.putSync(this.#counter, counter)
  }

  /** Makes later reads in this turn see the latest commits of any process, and notifies watchers first. */
  refresh(): void {
    this.database.resetReadTxn()
    if (this.#watchers.size === 0) return
    const revision = this.revision
    if (revision === this.#told) return
    const keys: string[] = []
    let byOthers = false
    while (this.#untold.length > 0 && this.#untold[0]!.to <= revision) {
      const changes = this.#untold.shift()!
      if (changes.from !== this.#told) byOthers = true
      this.#told = changes.to
      keys.push(...changes.keys)
    }
    if (this.#told !== revision) byOthers = true
    this.#told = revision
    if (byOthers) {
      // It is unknown which keys other processes changed: it may be any.
      this.#tell({ type: 'disarmed' })
      this.#tell({ type: 'armed' })
    } else {
      this.#tell({ type: 'changed', keys })
    }
  }

  /** Notes the changes of a transaction that is about to commit; {@link refresh} notifies watchers once it has. */
  note(changes: Changes): void {
    if (this.#watchers.size > 0) this.#untold.push(changes)
  }

  /** Calls `watcher` with each signal until the returned function is called. */
  watch(watcher: Watcher): () => void {
    this.refresh()
    if (this.#watchers.size === 0) {
      this.#told = this.revision
      this.#untold = []
      this.#poll = setInterval(() => this.refresh(), POLL_INTERVAL)
    }
    this.#watchers.add(watcher)
    return () => {
      this.#watchers.delete(watcher)
      if (this.#watchers.size === 0) clearInterval(this.#poll)
    }
  }

  #tell(signal: WatchSignal): void {
    for (const watcher of [...this.#watchers]) watcher(signal)
  }
}

/** The content of a record, with a copied value. */
export const stored = (record: Buffer, value: Buffer): Stored => ({
  value,
  version: record.readInt32BE(0),
  revision: record.readDoubleBE(REVISION_OFFSET),
})

function encode({ value, version, revision }: Stored): Buffer {
  const record = Buffer.allocUnsafe(HEADER_BYTES + value.byteLength)
  record.writeInt32BE(version, 0)
  record.writeDoubleBE(revision, REVISION_OFFSET)
  record.set(value, HEADER_BYTES)
  return record
}
