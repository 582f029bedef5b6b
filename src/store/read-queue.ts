import { KVError } from '../base/errors.ts'
import type { Engine, Stored } from '../contract/engine.ts'
import { ask } from './engine-call.ts'
import type { Observer } from './hub.ts'
import type { Lane } from './lanes.ts'
import { type Read, type Waiting, WITHDRAWN } from './operations.ts'
import { ReadLine, twinsOf } from './read-line.ts'

/** The most bytes of a UTF-16 unit in UTF-8. */
const MOST_BYTES = 3

/** Whether anybody waits for a read, or another read of its key. */
function isWanted(first: Read): boolean {
  for (let read: Read | undefined = first; read !== undefined; read = read.twin) if (!read.isOver) return true
  return false
}

/** One read of the engine: each key once, with all its readers. */
class ReadBatch {
  readonly keys: string[] = []
  readonly reads: Read[] = []
  /** The reads that nobody wants any more, which are not sent. */
  readonly unwanted: Read[] = []
  /** The latest and the earliest deadline. */
  latest = 0
  earliest = Number.POSITIVE_INFINITY

  push(read: Read): void {
    this.keys.push(read.key)
    this.reads.push(read)
    for (let each: Read | undefined = read; each !== undefined; each = each.twin) {
      if (each.deadline > this.latest) this.latest = each.deadline
      if (each.deadline < this.earliest) this.earliest = each.deadline
    }
  }

  /** The reads whose deadline has passed. */
  late(now: number): Read[] {
    const late: Read[] = []
    if (this.earliest > now) return late
    this.earliest = Number.POSITIVE_INFINITY
    for (const read of this.reads) {
      for (let each: Read | undefined = read; each !== undefined; each = each.twin) {
        if (each.isOver) continue
        if (each.deadline <= now) late.push(each)
        else if (each.deadline < this.earliest) this.earliest = each.deadline
      }
    }
    return late
  }
}

/** What the queue needs from the batcher. */
export interface ReadQueueContext {
  readonly engine: Engine
  readonly observer: Observer
  /** Schedules a flush for the end of the turn. */
  wake(): void
  /** A read with a lane was sent: the writes after it may follow. */
  sent(lane: Lane<Waiting>, read: Read): void
}

/** The reads that wait to be sent, each key once, and those in flight. */
export class ReadQueue {
  readonly #context: ReadQueueContext
  readonly #line = new ReadLine()
  /**
   * An array, since there are few: a Set with many additions and deletions keeps its members from being collected
   * young.
   */
  readonly #inFlight: ReadBatch[] = []

  constructor(context: ReadQueueContext) {
    this.#context = context
  }

  /** The number of keys that wait to be sent. */
  get waiting(): number {
    return this.#line.size
  }

  /** Whether a deadline may still pass. */
  get mayBeLate(): boolean {
    if (this.#line.size > 0) return true
    for (const { earliest } of this.#inFlight) if (earliest < Number.POSITIVE_INFINITY) return true
    return false
  }

  get isIdle(): boolean {
    return this.#line.size === 0 && this.#inFlight.length === 0
  }

  /** The read of `key` that waits to be sent. */
  queued(key: string): Read | undefined {
    return this.#line.size === 0 ? undefined : this.#line.get(key)
  }

  add(read: Read): void {
    this.#line.push(read)
  }

  /** Sends batches while the engine takes more. */
  flush(): void {
    while (this.#line.size > 0 && this.#inFlight.length < this.#context.engine.limits.inFlight) {
      const batch = this.#assemble()
      if (batch.keys.length > 0) this.#send(batch)
      for (const read of [...batch.reads, ...batch.unwanted]) {
        if (read.lane !== undefined) this.#context.sent(read.lane, read)
      }
      for (const read of batch.unwanted.flatMap(twinsOf)) read.settle(WITHDRAWN)
    }
  }

  /** Removes the waiting reads for which `isOut` holds; it must not touch the queue. */
  remove(isOut: (read: Read) => boolean): Read[] {
    const freed: Read[] = []
    const out = this.#line.remove(isOut, (first, by) => {
      const { lane } = first
      if (lane === undefined) return
      if (by === undefined) freed.push(first)
      else {
        by.lane = lane
        if (lane.occupant === first) lane.occupant = by
      }
    })
    for (const first of freed) this.#context.sent(first.lane!, first)
    return out
  }

  /** The reads in flight whose deadline has passed. */
  late(now: number): Read[] {
    return this.#inFlight.flatMap(batch => batch.late(now))
  }

  #assemble(): ReadBatch {
    const { readBatch, readBytes } = this.#context.engine.limits
    const batch = new ReadBatch()
    let bytes = 0
    this.#line.take(read => {
      if (isWanted(read)) {
        bytes += MOST_BYTES * read.key.length
        if (batch.keys.length >= readBatch || (bytes > readBytes && batch.keys.length > 0)) return false
        batch.push(read)
      } else batch.unwanted.push(read)
      return true
    })
    return batch
  }

  #send(batch: ReadBatch): void {
    const { engine, observer, wake } = this.#context
    this.#inFlight.push(batch)
    ask(engine.read(batch.keys, { deadline: batch.latest }), results => {
      this.#inFlight.splice(this.#inFlight.indexOf(batch), 1)
      if (observer.active && !(results instanceof KVError)) observer.read(batch.keys, results)
      this.#settle(batch, results)
      wake()
    })
  }

  #settle({ reads }: ReadBatch, results: readonly (Stored | undefined | KVError)[] | KVError): void {
    for (let i = 0; i < reads.length; i++) {
      const result = results instanceof KVError ? results : results[i]
      for (let read: Read | undefined = reads[i]; read !== undefined; read = read.twin) read.settle(result)
    }
  }
}
