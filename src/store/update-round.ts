import { KVError } from '../base/errors.ts'
import { nextVersion } from '../contract/conditions.ts'
import type { Engine, Stored, Write, Written } from '../contract/engine.ts'
import type { Encoding } from './encoding.ts'
import { type Header, headerOf } from './header.ts'
import type { Entry } from './kv-store.ts'
import type { Lane } from './lanes.ts'
import { Read, SingleWrite, Transaction, type Update, type Waiting } from './operations.ts'

/** What a round needs of the queue in whose lane it is. */
export interface RoundContext {
  readonly engine: Engine
  readonly encoding: Encoding<unknown>
  /** The next update in line, if it is the turn of one. */
  join(lane: Lane<Waiting>): Update<unknown> | undefined
  /** Both go ahead of what waits in the lane. */
  read(read: Read): void
  write(operation: SingleWrite | Transaction): void
  /** No update is left. */
  ended(round: UpdateRound): void
}

class RoundRead extends Read {
  readonly #round: UpdateRound
  readonly #then: (result: Stored | undefined | KVError) => void

  constructor(
    key: string,
    last: Update<unknown>,
    round: UpdateRound,
    then: (result: Stored | undefined | KVError) => void,
  ) {
    super(key)
    this.begin(last.turn, last.timeout)
    this.#round = round
    this.#then = then
  }

  override get isOver(): boolean {
    return super.isOver || this.#round.isOver
  }

  protected answered(result: Stored | undefined | KVError): void {
    this.#then(result)
  }
}

/** One write needs no transaction, and so travels with those of other keys. */
class RoundWrite extends SingleWrite {
  readonly #round: UpdateRound
  readonly #then: (error?: KVError) => void

  constructor(
    write: Write,
    bytes: number,
    last: Update<unknown>,
    round: UpdateRound,
    then: (error?: KVError) => void,
  ) {
    super()
    this.carry(write, bytes)
    this.begin(last.turn, last.timeout)
    this.#round = round
    this.#then = then
  }

  override get isOver(): boolean {
    return super.isOver || this.#round.isOver
  }

  protected answered(result: Written | KVError): void {
    this.#then(result instanceof KVError ? result : undefined)
  }
}

class RoundTransaction extends Transaction {
  readonly #round: UpdateRound
  readonly #then: (error?: KVError) => void

  constructor(
    writes: Write[],
    bytes: number,
    last: Update<unknown>,
    round: UpdateRound,
    then: (error?: KVError) => void,
  ) {
    super(writes, bytes)
    this.begin(last.turn, last.timeout)
    this.#round = round
    this.#then = then
  }

  override get isOver(): boolean {
    return super.isOver || this.#round.isOver
  }

  protected answered(result: readonly Written[] | KVError): void {
    this.#then(result instanceof KVError ? result : undefined)
  }
}

/** An update that was computed, and what its entry is once it is written. */
interface Computed {
  readonly update: Update<unknown>
  readonly entry: Entry<unknown> | undefined
}

const lastOf = (updates: readonly Update<unknown>[]): Update<unknown> =>
  updates.reduce((last, update) => (update.deadline > last.deadline ? update : last))

/**
 * The updates of one key whose turn it is: computed on one read, one after the other, and written, each with its own
 * version, in one conditional transaction; so a hot key costs two round trips for many updates, and they never conflict
 * with each other. Goes on until no update is left in line.
 */
export class UpdateRound {
  readonly #context: RoundContext
  readonly #lane: Lane<Waiting>
  readonly #key: string
  /** Not computed, in order. */
  #updates: Update<unknown>[]
  /** Computed, and being written. */
  #computed: readonly Computed[] = []

  constructor(context: RoundContext, lane: Lane<Waiting>, first: Update<unknown>) {
    this.#context = context
    this.#lane = lane
    this.#key = first.key
    this.#updates = [first]
  }

  begin(): void {
    this.#gather()
    if (this.#updates.length === 0) {
      this.#context.ended(this)
      return
    }
    this.#context.read(
      new RoundRead(this.#key, lastOf(this.#updates), this, result => {
        if (result instanceof KVError) this.#fail(this.#updates.splice(0), result)
        else this.#compute(result)
      }),
    )
  }

  get lane(): Lane<Waiting> {
    return this.#lane
  }

  /** Whether nobody waits for any of its updates. */
  get isOver(): boolean {
    return this.#updates.every(update => update.isOver) && this.writing.every(update => update.isOver)
  }

  /** Takes out those that are not being written, if `isOut` holds for them. */
  remove(isOut: (update: Update<unknown>) => boolean): Update<unknown>[] {
    const out = this.#updates.filter(isOut)
    if (out.length > 0) this.#updates = this.#updates.filter(update => !out.includes(update))
    return out
  }

  /** Those that are being written. */
  get writing(): readonly Update<unknown>[] {
    return this.#computed.map(({ update }) => update)
  }

  #gather(): void {
    for (
      let next = this.#context.join(this.#lane);
      next !== undefined;
      next = this.#context.join(this.#lane)
    ) {
      this.#updates.push(next)
    }
    this.#updates = this.#updates.filter(update => !update.isOver)
  }

  #fail(updates: readonly Update<unknown>[], error: KVError): void {
    for (const update of updates) update.settle(error)
    this.begin()
  }

  #compute(stored: Stored | undefined): void {
    this.#gather()
    const { engine, encoding } = this.#context
    let current: unknown
    let header: Header | undefined
    try {
      if (stored !== undefined && !encoding.isExpired(stored.value)) {
        current = encoding.decode(this.#key, stored.value)
        header = headerOf(stored.value)
      }
    } catch (error) {
      this.#fail(this.#updates.splice(0), error as KVError)
      return
    }
    const draft = new KeyDraft(this.#key, stored?.version ?? 'absent', current, header, engine, encoding)
    while (this.#updates.length > 0 && draft.take(this.#updates[0]!)) this.#updates.shift()
    this.#write(draft)
  }

  #write({ writes, bytes, computed }: KeyDraft): void {
    if (computed.length === 0) {
      this.begin()
      return
    }
    this.#computed = computed
    const last = lastOf(this.writing)
    const then = (error?: KVError): void => {
      this.#computed = []
      if (error?.code === 'VERSION_CONFLICT') {
        this.#updates.unshift(...computed.map(({ update }) => update))
        this.begin()
      } else if (error !== undefined) {
        this.#fail(
          computed.map(({ update }) => update),
          error,
        )
      } else {
        for (const { update, entry } of computed) update.settle(entry)
        this.begin()
      }
    }
    this.#context.write(
      writes.length === 1
        ? new RoundWrite(writes[0]!, bytes, last, this, then)
        : new RoundTransaction(writes, bytes, last, this, then),
    )
  }
}

/** The writes of a round, as they are computed one after the other. */
class KeyDraft {
  readonly writes: Write[] = []
  readonly computed: Computed[] = []
  bytes = 0
  readonly #key: string
  readonly #engine: Engine
  readonly #encoding: Encoding<unknown>
  #version: number | 'absent'
  #current: unknown
  /** What it says of when it expires, and of timers, stays. */
  #header: Header | undefined

  constructor(
    key: string,
    version: number | 'absent',
    current: unknown,
    header: Header | undefined,
    engine: Engine,
    encoding: Encoding<unknown>,
  ) {
    this.#key = key
    this.#version = version
    this.#current = current
    this.#header = header
    this.#engine = engine
    this.#encoding = encoding
  }

  /** Computes an update; false where it does not fit any more. One that fails by itself is settled. */
  take(update: Update<unknown>): boolean {
    const { writeBatch, batchBytes } = this.#engine.limits
    if (this.writes.length >= writeBatch) return false
    if (update.isOver) return true
    try {
      const value = update.next(this.#current)
      const write = this.#writeOf(value)
      const bytes = this.#encoding.sizeOf(write)
      if (this.writes.length > 0 && this.bytes + bytes > batchBytes) return false
      this.writes.push(write)
      this.bytes += bytes
      this.#current = value
      if (value === undefined) {
        this.#version = 'absent'
        this.#header = undefined
        this.computed.push({ update, entry: undefined })
      } else {
        this.#version = this.#version === 'absent' ? 0 : nextVersion(this.#version)
        this.computed.push({ update, entry: { key: this.#key, value, version: this.#version } })
      }
    } catch (error) {
      update.settle(KVError.from(error, 'CALLBACK', 'the update function threw', this.#key))
    }
    return true
  }

  #writeOf(value: unknown): Write {
    const key = this.#key
    if (value !== undefined) return this.#encoding.put(key, value, this.#version, this.#header)
    return this.#version === 'absent'
      ? { type: 'check', key, ifVersion: 'absent' }
      : { type: 'delete', key, ifVersion: this.#version }
  }
}
