import { CALLBACK_FAILED } from './error-counts.ts'
import type { RecordMeter } from './meter.ts'

/** The records inside a measured pipeline, and which of them an output ends. */
export interface Inside<T, R> {
  enter(record: T, now: number, bytes: number): void
  leave(output: R, now: number): void
  /** Removes all records, and passes on when each entered. */
  drain(end: (began: number, bytes: number) => void): void
}

/** Each output ends the record that has been inside longest. Keeps only the times of entry, not the records. */
export class InsideInTurn implements Inside<unknown, unknown> {
  readonly #meter: RecordMeter
  /** A ring buffer of pairs, time and bytes; its length is a power of two. */
  #ring: number[] = new Array(4).fill(0)
  #first = 0
  #used = 0

  constructor(meter: RecordMeter) {
    this.#meter = meter
  }

  enter(_record: unknown, now: number, bytes: number): void {
    if (this.#used === this.#ring.length) this.#grow()
    const at = (this.#first + this.#used) & (this.#ring.length - 1)
    this.#ring[at] = now
    this.#ring[at + 1] = bytes
    this.#used += 2
  }

  leave(_output: unknown, now: number): void {
    if (this.#used === 0) return
    const at = this.#shift()
    this.#meter.processed(this.#ring[at]!, now, this.#ring[at + 1]!)
  }

  drain(end: (began: number, bytes: number) => void): void {
    while (this.#used > 0) {
      const at = this.#shift()
      end(this.#ring[at]!, this.#ring[at + 1]!)
    }
  }

  #shift(): number {
    const at = this.#first
    this.#first = (at + 2) & (this.#ring.length - 1)
    this.#used -= 2
    return at
  }

  #grow(): void {
    const { length } = this.#ring
    const ring = this.#ring.slice(this.#first).concat(this.#ring.slice(0, this.#first))
    for (let i = 0; i < length; i++) ring.push(0)
    this.#ring = ring
    this.#first = 0
  }
}

/** A record inside, linked to its neighbours in order of entry and to the next entry of the same record. */
interface Entry {
  readonly record: unknown
  readonly began: number
  readonly bytes: number
  before: Entry | undefined
  after: Entry | undefined
  twin: Entry | undefined
  /** Set on the first entry of a record only. */
  lastTwin: Entry | undefined
}

/** Each output ends the record that it leads back to and, where order is kept, those before it. */
export class InsideByRecord<T, R> implements Inside<T, R> {
  readonly #meter: RecordMeter
  readonly #recordOf: (output: R) => T | undefined
  readonly #ordered: boolean
  readonly #firstOf = new Map<unknown, Entry>()
  #first: Entry | undefined
  #last: Entry | undefined

  constructor(meter: RecordMeter, recordOf: (output: R) => T | undefined, ordered: boolean) {
    this.#meter = meter
    this.#recordOf = recordOf
    this.#ordered = ordered
  }

  enter(record: T, began: number, bytes: number): void {
    const before = this.#last
    const entry: Entry = {
      record,
      began,
      bytes,
      before,
      after: undefined,
      twin: undefined,
      lastTwin: undefined,
    }
    if (before === undefined) this.#first = entry
    else before.after = entry
    this.#last = entry
    const first = this.#firstOf.get(record)
    if (first === undefined) {
      this.#firstOf.set(record, entry)
      return
    }
    const last = first.lastTwin ?? first
    last.twin = entry
    first.lastTwin = entry
  }

  leave(output: R, now: number): void {
    const entry = this.#entryOf(output)
    if (entry === undefined) return
    while (this.#ordered && this.#first !== entry) this.#end(this.#first!, now)
    this.#end(entry, now)
  }

  drain(end: (began: number, bytes: number) => void): void {
    for (let entry = this.#first; entry !== undefined; entry = entry.after) end(entry.began, entry.bytes)
    this.#first = this.#last = undefined
    this.#firstOf.clear()
  }

  #entryOf(output: R): Entry | undefined {
    try {
      return this.#firstOf.get(this.#recordOf(output))
    } catch {
      this.#meter.error(CALLBACK_FAILED)
      return undefined
    }
  }

  /** Ends an entry, which must be the first of its record. */
  #end(entry: Entry, now: number): void {
    const { record, before, after, twin } = entry
    if (before === undefined) this.#first = after
    else before.after = after
    if (after === undefined) this.#last = before
    else after.before = before
    if (twin === undefined) this.#firstOf.delete(record)
    else {
      twin.lastTwin = entry.lastTwin
      this.#firstOf.set(record, twin)
    }
    this.#meter.processed(entry.began, now, entry.bytes)
  }
}
