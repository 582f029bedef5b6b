import { nextVersion } from '../../conditions.ts'
import type { KVError } from '../../errors.ts'
import { checkKey } from '../../keys.ts'
import type { Mutation } from '../../store/kv-store.ts'

/** The version of what is absent, also in what the store tells of reads and writes. */
const ABSENT = -1

interface State<V> {
  readonly version: number
  readonly value: V | undefined
}

const NOTHING: State<never> = { version: ABSENT, value: undefined }

/** An old ZooKeeper has nodes at -1 too: no write can be conditional on that, and the store says so. */
const isAbsent = ({ version, value }: State<unknown>): boolean => version === ABSENT && value === undefined

/** What a conditional write leaves of what it was conditional on. */
function after<V>(mutation: Mutation<V> | undefined, before: State<V>): State<V> {
  if (mutation?.type === 'delete') return NOTHING
  if (mutation?.type !== 'put') return before
  const { value, ifVersion } = mutation
  return { value, version: typeof ifVersion === 'number' ? nextVersion(ifVersion) : 0 }
}

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
  #stored: State<V> = NOTHING
  /** What will be stored when all commits under way are carried out. */
  #ahead: State<V> = NOTHING
  /** Whether it was read for the records under way, not remembered. */
  #fresh = false

  constructor(key: string) {
    this.key = key
  }

  /** Takes what was read; returns whether that is another version than was known, or an error. */
  read(error: KVError | undefined, value: V | undefined, version: number): boolean {
    this.error = error
    this.state = error === undefined ? 'known' : 'failed'
    if (error !== undefined) return true
    const changed = version !== this.#stored.version
    this.#stored = { version, value }
    this.#ahead = this.#stored
    this.#fresh = true
    return changed
  }

  /** Forgets what the records did that were run, and are not on their way. */
  rewind(): void {
    this.running = this.#ahead.value
  }

  /**
   * What brings the store to `next`, on the condition that it is then what we think. Where nothing changes, a value that
   * was just read needs no write, and one that was remembered is checked.
   */
  mutation(unchanged: (before: V, after: V) => boolean): Mutation<V> | undefined {
    const { key, next } = this
    const { value } = this.#ahead
    const ifVersion = isAbsent(this.#ahead) ? 'absent' : this.#ahead.version
    if (next === undefined) {
      if (ifVersion !== 'absent') return { type: 'delete', key, ifVersion }
    } else if (ifVersion === 'absent' || !unchanged(value as V, next)) {
      return { type: 'put', key, value: next, ifVersion }
    }
    return this.#fresh ? undefined : { type: 'check', key, ifVersion }
  }

  /** Its part in a commit is on its way: the next records are run on what that will leave. */
  sent(mutation: Mutation<V> | undefined): void {
    this.#fresh = false
    this.#ahead = after(mutation, this.#ahead)
  }

  /** Its part in a commit is durable. */
  committed(mutation: Mutation<V> | undefined): void {
    this.#stored = after(mutation, this.#stored)
  }

  /** What was on its way was not carried out. */
  fallBack(): void {
    this.#ahead = this.#stored
  }

  get worthRemembering(): boolean {
    return this.state === 'known' && !isAbsent(this.#stored)
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
        cell = new Cell(key)
      }
      this.#young.set(key, cell)
      if (this.#young.size > this.#full) this.#turn()
    }
    cell.records++
    return cell
  }

  /** A record of this cell is done. */
  leave(cell: Cell<V>): void {
    cell.records--
    if (cell.records > 0 || (cell.worthRemembering && this.#generation > 0)) return
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
