import { bufferOf } from '../../base/bytes.ts'
import { KVError } from '../../base/errors.ts'
import type { Stored, StoredEntry, WatchSignal } from '../../contract/engine.ts'
import { quoteKey } from '../../contract/keys.ts'
import { isNodeKey, ROOT } from '../../contract/nodes.ts'
import { type Database, Environment, MAX_KEY_BYTES } from './environment.ts'

/** How often the changes of other processes are looked for while somebody watches, in milliseconds. */
const POLL_INTERVAL = 25

/** A record is its version, its revision and its value. */
export const HEADER_BYTES = 12
const REVISION_OFFSET = 4

type Watcher = (signal: WatchSignal) => void

/** What a transaction of this process changed: it took the root from one revision to another. */
export interface Changes {
  readonly from: number
  readonly to: number
  readonly keys: readonly string[]
}

/**
 * A keyspace of an environment, shared by the stores of this process that are open on it: its records, its revision
 * counter and its watchers.
 *
 * Records are at `r<root>\0<key>`, nodes beside the keys at `n<root>\0<names>`, the counter is at `m<root>`. Readers learn from the counter what they have not been
 * told of: this process's transactions left a note of what they changed, any other growth is another process's.
 */
export class Root {
  readonly environment: Environment
  /** Comes before every key. */
  readonly prefix: string
  /** Comes after all records of this root and before those of others. */
  readonly end: string
  readonly keyBytes: number
  readonly database: Database
  readonly #name: string
  readonly #nodePrefix: string
  readonly #counter: string
  readonly #watchers = new Set<Watcher>()
  #users = 0
  /** The revision up to which watchers have been told of changes. */
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

  /** The revision of the last write, as of the transaction or snapshot that is being read. */
  get revision(): number {
    return this.database.getBinaryFast(this.#counter)?.readDoubleBE(0) ?? 0
  }

  /** What is stored for a key, as of the transaction or snapshot that is being read. */
  get(key: string): Stored | undefined {
    const place = this.database.getBinaryFast(this.#placeOf(key))
    if (place === undefined) return undefined
    // A buffer of lmdb-js that the next read overwrites, or, of a large record, its place in the database.
    // Unlike its type says, lmdb-js returns a Uint8Array where a record is large.
    const record = bufferOf(place)
    const value = Buffer.allocUnsafe(record.length - HEADER_BYTES)
    record.copy(value, 0, HEADER_BYTES, record.length)
    return stored(record, value)
  }

  /** Throws `INVALID_KEY` for a node whose names are longer than a key of LMDB can be. */
  #placeOf(key: string): string {
    if (!isNodeKey(key)) return this.prefix + key
    const place = this.#nodePrefix + key.slice(1)
    if (Buffer.byteLength(place) <= MAX_KEY_BYTES) return place
    throw new KVError('INVALID_KEY', `the name of the ${quoteKey(key)} is too long for LMDB`)
  }

  /** All nodes beside the keys but the root, each after the one above it. */
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

  /** Writes records (`undefined` deletes) and the revision; to be called in a transaction. */
  put(records: ReadonlyMap<string, Stored | undefined>, revision: number): void {
    for (const [key, record] of records) {
      if (record === undefined) this.database.removeSync(this.#placeOf(key))
      else this.database.putSync(this.#placeOf(key), encode(record))
    }
    const counter = Buffer.allocUnsafe(8)
    counter.writeDoubleBE(revision)
    this.database.putSync(this.#counter, counter)
  }

  /** Lets what follows in this turn read what is committed by now, by any process, and tells watchers of it first. */
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
      // Which keys others changed is not known: any.
      this.#tell({ type: 'disarmed' })
      this.#tell({ type: 'armed' })
    } else {
      this.#tell({ type: 'changed', keys })
    }
  }

  /** Notes what a transaction changes that is about to be committed, for {@link refresh} to tell of once it is. */
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

/** What a record holds, with a value that has been copied out of it. */
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
