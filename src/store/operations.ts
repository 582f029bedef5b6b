import { KVError } from '../base/errors.ts'
import type { Stored, Write, Written } from '../contract/engine.ts'
import { quoteKey } from '../contract/keys.ts'
import type { Entry } from './kv-store.ts'
import type { Lane } from './lanes.ts'

/*
 * What is asked of the batcher: one object for each key that is read, each write and each transaction. Whoever asks
 * extends the class, so that one object carries the question, waits in line, and knows what to do with the result.
 */

/** A turn of the event loop, shared by what is asked for in it: one look at the clock for all. */
export interface Turn {
  /** Its end, its beginning until then, in milliseconds of the store's clock. */
  time: number
}

const NOT_ASKED: Turn = { time: Number.POSITIVE_INFINITY }

/** Something that is asked of the batcher and settled once; once withdrawn, it is settled to nobody. */
export abstract class Operation<R> {
  /** When it was asked for. */
  turn: Turn = NOT_ASKED
  /** How long it may take from then, in milliseconds. */
  timeout = 0
  #settled = false

  /** It is asked for, and may take so long from now on. */
  begin(turn: Turn, timeout: number): void {
    this.turn = turn
    this.timeout = timeout
  }

  /** In milliseconds of the store's clock. */
  get deadline(): number {
    return this.turn.time + this.timeout
  }

  /** Whether nobody waits for the result any more. */
  get withdrawn(): boolean {
    return false
  }

  /** Whether it has its result, or nobody waits for one: then it is not sent. */
  get isOver(): boolean {
    return this.#settled || this.withdrawn
  }

  /** For messages: `read "a"`. */
  abstract get what(): string

  settle(result: R | KVError): void {
    if (this.#settled) return
    this.#settled = true
    if (!this.withdrawn) this.answered(result)
  }

  /** Takes the result: once, synchronously or later. */
  protected abstract answered(result: R | KVError): void
}

/** A key to read. */
export abstract class Read extends Operation<Stored | undefined> {
  readonly key: string
  /** Another read of the same key, which has the same answer. */
  twin: Read | undefined = undefined
  /** Of the first of a key's reads: the last of its twins. */
  lastTwin: Read | undefined = undefined
  /** The lane of writes that are carried out after this read. */
  lane: Lane<Waiting> | undefined = undefined

  constructor(key: string) {
    super()
    this.key = key
  }

  get what(): string {
    return `read ${quoteKey(this.key)}`
  }
}

/** What changes keys, and waits in their lanes until it is its turn. */
export abstract class WriteOperation<R> extends Operation<R> {
  /** In how many of its lanes others go first. */
  blockedBy = 0
  /** What it takes of the engine's `batchBytes`. */
  bytes = 0
}

/** One write, which travels with others. */
export abstract class SingleWrite extends WriteOperation<Written> {
  write!: Write
  /** `undefined` where whoever asks for it holds the key's lane. */
  lane: Lane<Waiting> | undefined = undefined

  /** Says what is to be written. */
  carry(write: Write, bytes: number): void {
    this.write = write
    this.bytes = bytes
  }

  get what(): string {
    return `${this.write.type} ${quoteKey(this.write.key)}`
  }
}

/** Writes that are carried out together or not at all, in a request of their own. */
export abstract class Transaction extends WriteOperation<readonly Written[]> {
  readonly writes: readonly Write[]
  /** Empty where whoever asks for it holds the keys' lanes. */
  readonly lanes: Lane<Waiting>[] = []
  /** Transactions of one chain need not wait for each other: each is conditional on the one before. */
  readonly chain: object | undefined

  constructor(writes: readonly Write[], bytes: number, chain?: object) {
    super()
    this.bytes = bytes
    this.writes = writes
    this.chain = chain
  }

  get what(): string {
    return `commit of ${this.writes.length} writes`
  }
}

/** An atomic read-modify-write. Those of one key that follow each other are carried out together. */
export abstract class Update<V> extends WriteOperation<Entry<V> | undefined> {
  readonly key: string

  constructor(key: string) {
    super()
    this.key = key
  }

  get what(): string {
    return `update ${quoteKey(this.key)}`
  }

  /** The new value; `undefined` deletes. What it throws fails this update alone. */
  abstract next(current: V | undefined): V | undefined
}

/** What can wait in a lane. */
export type Waiting = SingleWrite | Transaction | Update<unknown> | Read

/** What an operation is settled with that was not sent because nobody waited for it: heard by what merely steers it. */
export const WITHDRAWN: KVError = new KVError('CLOSED', 'withdrawn before it was sent')
