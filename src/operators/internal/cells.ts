import type { KVError } from '../../base/errors.ts'
import { nextVersion } from '../../contract/conditions.ts'
import type { ExpectedVersion } from '../../contract/engine.ts'
import { checkKey } from '../../contract/keys.ts'
import type { Access } from '../../store/access.ts'
import { ValueRead } from '../../store/asked.ts'
import type { Mutation } from '../../store/kv-store.ts'
import type { Lookup } from './lookup.ts'

/** The version of what is absent, also in what the store tells of reads and writes. */
const ABSENT = -1

/** An old ZooKeeper has nodes at -1 too: no write can be conditional on that, and the store says so. */
const isAbsent = (version: number, value: unknown): boolean => version === ABSENT && value === undefined

/** The version that a conditional put leaves. */
const versionAfter = (ifVersion: ExpectedVersion | undefined): number =>
  typeof ifVersion === 'number' ? nextVersion(ifVersion) : 0

/** What the process loop knows of one key. */
export class Cell<V> {
  readonly key: string
  /** How many records of this key are under way. */
  records = 0
  /** `asked` while it is looked up, `failed` where that was not possible. */
  state: 'unknown' | 'asked' | 'known' | 'failed' = 'unknown'
  /** Why the key cannot be read. */
  error: KVError | undefined
  /** The value after the records that were run. */
  running: V | undefined
  /** The last commit with a part in this key, and the value it is to have then. */
  commit = 0
  next: V | undefined
  /** What is stored. */
  #version = ABSENT
  #value: V | undefined
  /** What will be stored when all commits under way are carried out. */
  #aheadVersion = ABSENT
  #aheadValue: V | undefined
  /** What both are encoded as, where that is kept. */
  #bytes: Uint8Array | undefined
  #aheadBytes: Uint8Array | undefined
  /** Whether it was read for the records under way, not remembered. */
  #fresh = false
  #lookup: Lookup<V> | undefined
  readonly #cells: Cells<V>

  constructor(key: string, cells: Cells<V>) {
    this.key = key
    this.#cells = cells
  }

  /** One of its records is done. */
  leave(): void {
    if (--this.records === 0) this.#cells.left(this)
  }

  /** Is looked up, together with others. */
  ask(lookup: Lookup<V>): ValueRead<V> {
    this.#lookup = lookup
    return new CellRead(this, lookup)
  }

  found(value: V | undefined, version: number, bytes?: Uint8Array): void {
    const changed = version !== this.#version
    this.error = undefined
    this.state = 'known'
    this.#version = version
    this.#value = value
    // A copy, not to keep alive the whole reply of which the value is a part.
    this.#bytes = this.#lookup!.keepsBytes && bytes ? Uint8Array.prototype.slice.call(bytes) : undefined
    this.fallBack()
    this.#fresh = true
    this.#settle(changed)
  }

  failed(error: KVError): void {
    this.error = error
    this.state = 'failed'
    this.#settle(true)
  }

  #settle(changed: boolean): void {
    const lookup = this.#lookup!
    this.#lookup = undefined
    lookup.settled(this, changed)
  }

  /** Forgets what the records did that were run, and are not on their way. */
  rewind(): void {
    this.running = this.#aheadValue
  }

  /**
   * What brings the store to `next`, on the condition that it is then what we think. Where nothing changes, a value
   * that was just read needs no write, and one that was remembered is checked.
   */
  mutation(unchanged: (before: V, after: V) => boolean): Mutation<V> | undefined {
    const { key, next } = this
    const value = this.#aheadValue
    const ifVersion = isAbsent(this.#aheadVersion, value) ? 'absent' : this.#aheadVersion
    if (next === undefined) {
      if (ifVersion !== 'absent') return { type: 'delete', key, ifVersion }
    } else if (value === undefined || !unchanged(value, next)) {
      return { type: 'put', key, value: next, ifVersion }
    }
    return this.#fresh ? undefined : { type: 'check', key, ifVersion }
  }

  /** What is stored, as bytes, once all commits on their way are carried out. */
  before(access: Access<V>): Uint8Array | undefined {
    // Nothing, or what has expired.
    if (this.#aheadValue === undefined) return undefined
    return this.#aheadBytes ?? access.encode(this.key, this.#aheadValue)
  }

  /** Its part in a commit is on its way: the next records are run on what that will leave. */
  sent(mutation: Mutation<V> | undefined): void {
    this.#fresh = false
    if (mutation?.type === 'put') {
      this.#aheadVersion = versionAfter(mutation.ifVersion)
      this.#aheadValue = mutation.value
      this.#aheadBytes = undefined
    } else if (mutation?.type === 'delete') {
      this.#aheadVersion = ABSENT
      this.#aheadValue = undefined
    }
  }

  /** What its part in the commit that was sent last writes. */
  encoded(bytes: Uint8Array): void {
    this.#aheadBytes = bytes
  }

  /** Its part in a commit is durable. */
  committed(mutation: Mutation<V> | undefined, bytes: Uint8Array | undefined): void {
    if (mutation?.type === 'put') {
      this.#version = versionAfter(mutation.ifVersion)
      this.#value = mutation.value
      this.#bytes = bytes
    } else if (mutation?.type === 'delete') {
      this.#version = ABSENT
      this.#value = undefined
    }
  }

  /** What was on its way was not carried out. */
  fallBack(): void {
    this.#aheadVersion = this.#version
    this.#aheadValue = this.#value
    this.#aheadBytes = this.#bytes
  }

  get worthRemembering(): boolean {
    return this.state === 'known' && !isAbsent(this.#version, this.#value)
  }
}

/** A lookup of one cell. */
class CellRead<V> extends ValueRead<V> {
  readonly #cell: Cell<V>
  readonly #lookup: Lookup<V>

  constructor(cell: Cell<V>, lookup: Lookup<V>) {
    super(cell.key)
    this.#cell = cell
    this.#lookup = lookup
  }

  override get withdrawn(): boolean {
    return this.#lookup.withdrawn
  }

  found(value: V | undefined, version: number, bytes?: Uint8Array): void {
    this.#cell.found(value, version, bytes)
  }

  failed(error: KVError): void {
    this.#cell.failed(error)
  }
}

/**
 * The cells of all keys with records under way, and about as many of recently used ones as are to be remembered.
 *
 * Two generations come near to least-recently-used: what is used moves to the young one; when that is full it becomes
 * the old one, and what is then left of the old one is forgotten.
 */
export class Cells<V> {
  readonly #generation: number
  #young = new Map<string, Cell<V>>()
  #old = new Map<string, Cell<V>>()
  #full: number

  constructor(remember: number) {
    this.#generation = Math.ceil(remember / 2)
    this.#full = this.#generation
  }

  /** The cell of `key`, with one record more. Throws `INVALID_KEY`. */
  enter(key: string): Cell<V> {
    let cell = this.#young.get(key)
    if (cell === undefined) {
      cell = this.#old.get(key)
      if (cell === undefined) {
        checkKey(key, Number.POSITIVE_INFINITY)
        cell = new Cell(key, this)
      }
      this.#young.set(key, cell)
      if (this.#young.size > this.#full) this.#turn()
    }
    cell.records++
    return cell
  }

  /** A cell has no more records. */
  left(cell: Cell<V>): void {
    if (cell.worthRemembering && this.#generation > 0) return
    this.#young.delete(cell.key)
    this.#old.delete(cell.key)
  }

  #turn(): void {
    const young = new Map<string, Cell<V>>()
    for (const cell of this.#old.values()) {
      if (cell.records > 0 && !this.#young.has(cell.key)) young.set(cell.key, cell)
    }
    this.#old = this.#young
    this.#young = young
    // As many new ones as had to be kept, at least, or each would bring the next turn.
    this.#full = 2 * young.size + this.#generation
  }
}
