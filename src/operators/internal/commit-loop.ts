import type { Subscriber } from 'rxjs'
import type { Capacity } from '../../base/demand.ts'
import type { KVError } from '../../base/errors.ts'
import { Queue } from '../../base/queue.ts'
import { checkKey } from '../../contract/keys.ts'
import type { Taken } from '../../contract/owned-partition.ts'
import type { Access } from '../../store/access.ts'
import { callbackError } from './arguments.ts'
import { Item, type Process } from './batch.ts'
import { CommitStream, type Line } from './commit-stream.ts'
import { beginOf } from './journal.ts'
import type { Sink } from './operate.ts'
import { Outputs } from './outputs.ts'

const START: Taken = { position: undefined, records: 0 }

/**
 * The process loop. Each record goes to the commits of the shard that has its key: one stream of commits for each, of
 * which none waits for another. What has ended is given out in the order in which it came, whatever its shard.
 */
export class CommitLoop<T, V, R> implements Sink<T>, Line<T, V, R> {
  readonly destination: Subscriber<R>
  readonly outputs: Outputs | undefined
  isStopped = false
  isBlocked = false
  readonly #access: Access<V>
  readonly #process: Process<T, V, R>
  readonly #capacity: Capacity
  readonly #streams: readonly CommitStream<T, V, R>[]
  /** Of several streams, not given out yet, in order; one is in order as it is. */
  readonly #waiting: Queue<Item<T, V, R>> | undefined
  /** Of one stream, what ended while something was given out. */
  readonly #ended: (readonly Item<T, V, R>[])[] = []
  /** The last that ended of one stream. */
  #last: Item<T, V, R> | undefined
  /** The place of the last record that came. */
  #place: number
  /** Up to this place records may be committed in some shard, and are taken in without a limit: others may wait for them. */
  readonly #committed: number
  /** How far the partition is with what was given out, where there is one. */
  #given: Taken
  #isGiving = false
  /** Records that were given out, and not released. */
  #done = 0
  #completing = false
  /** What is due now, while what is committed comes again. */
  readonly #early: T[] = []

  constructor(access: Access<V>, process: Process<T, V, R>, destination: Subscriber<R>, capacity: Capacity) {
    const { fences, journal } = process
    this.#access = access
    this.#process = process
    this.destination = destination
    this.#capacity = capacity
    this.#given = fences === undefined ? START : beginOf(fences, journal)
    this.#place = this.#given.records
    this.#committed = Math.max(0, ...(fences ?? []).map(({ state }) => state.records))
    this.outputs = journal?.outputs
    // Of several shards each commit says up to where all is done, so that none holds the others back.
    if (fences !== undefined && fences.length > 1) this.outputs ??= new Outputs(this.#given)
    this.#streams = Array.from(
      { length: access.shards },
      (_, shard) => new CommitStream(access, process, this, shard, this.#place),
    )
    this.#waiting = this.#streams.length > 1 ? new Queue() : undefined
    process.due?.begins(this)
    if (process.due !== undefined && this.#streams[0]!.isToReplay) access.defer(() => this.#begin())
    if (this.outputs === undefined) return
    this.outputs.freed = () => {
      for (const stream of this.#streams) stream.stepLater()
    }
  }

  next(record: T): void {
    const { due } = this.#process
    if (due === undefined) this.#take(record)
    else if (!due.isRecord(record) && this.#streams[0]!.isToReplay) this.#early.push(record)
    else {
      this.#replayDue()
      this.#take(record)
      this.#replayDue()
    }
  }

  /** What was due between records that are committed comes again in its place; what is due now, after that. */
  #replayDue(): void {
    const stream = this.#streams[0]!
    for (let due = stream.dueAt(this.#place + 1); due !== undefined; due = stream.dueAt(this.#place + 1))
      this.#take(due)
    if (stream.isToReplay) return
    for (const each of this.#early.splice(0)) this.#take(each)
  }

  #take(record: T): void {
    const item = new Item<T, V, R>(record, ++this.#place)
    this.#waiting?.push(item)
    const key = this.#keyOf(item)
    try {
      this.#streamOf(item, key).take(item, item.rejected ? undefined : key)
    } catch (error) {
      this.destination.error(error)
      return
    }
    if (this.#isHeld(item)) this.#capacity.held++
  }

  /** No more records come; whether some are missing of those that are committed. */
  lacksRecords(): boolean {
    this.#replayDue()
    return this.#streams[0]!.isToReplay
  }

  complete(): void {
    this.#completing = true
    // Of a commit whose outputs were not taken not all records have come: they will, another time, and what is behind
    // them.
    this.isBlocked = this.#streams.some(({ isReplaying }) => isReplaying)
    this.#completeWhenDone()
  }

  stop(): void {
    this.isStopped = true
    for (const stream of this.#streams) stream.stop()
  }

  before({ place }: Item<T, V, R>): Taken {
    const { records } = this.#given
    const item = this.#waiting === undefined ? this.#last : this.#waiting.at(place - records - 2)
    if (place - 1 === records) return this.#given
    if (this.#process.due !== undefined)
      return { ...(item ? this.#takenWith(item) : this.#given), records: place - 1 }
    return item === undefined ? this.#given : this.#takenWith(item)
  }

  giveOut(ended: readonly Item<T, V, R>[]): void {
    if (this.#waiting === undefined) {
      this.#ended.push(ended)
      this.#last = this.#lastOf(ended) ?? this.#last
    } else for (const item of ended) item.end ??= 'given'
    // Whoever takes an output may bring the next record, and that another end.
    if (this.#isGiving) return
    this.#isGiving = true
    for (let run = this.#nextRun(); run !== undefined; run = this.#nextRun()) {
      try {
        this.#give(run)
      } catch (error) {
        this.destination.error(error)
      }
      if (this.destination.closed) return
    }
    this.#isGiving = false
  }

  release(): void {
    const done = this.#done
    this.#done = 0
    if (done > 0) this.#capacity.release(done)
    this.#completeWhenDone()
  }

  /** What is committed may begin with what was due. */
  #begin(): void {
    if (!this.isStopped) this.#replayDue()
  }

  #isHeld({ place }: Item<T, V, R>): boolean {
    return place > this.#committed
  }

  /** `undefined` where it cannot be told: the record is rejected. */
  #keyOf(item: Item<T, V, R>): string | undefined {
    try {
      return this.#process.keyOf(item.record)
    } catch (error) {
      item.reject(callbackError('keyOf', error))
      return undefined
    }
  }

  /** Where the key of a record is; records without are of the first shard. */
  #streamOf(item: Item<T, V, R>, key: string | undefined): CommitStream<T, V, R> {
    if (this.#streams.length === 1 || key === undefined) return this.#streams[0]!
    try {
      checkKey(key, Number.POSITIVE_INFINITY)
      return this.#streams[this.#access.shardOf(key)]!
    } catch (error) {
      item.reject(error as KVError)
      return this.#streams[0]!
    }
  }

  /** Those whose turn it is, as far as their end is known. */
  #nextRun(): readonly Item<T, V, R>[] | undefined {
    if (this.#waiting === undefined) return this.#ended.shift()
    let count = 0
    while (this.#waiting.at(count)?.end !== undefined) count++
    return count === 0 ? undefined : this.#waiting.take(count)
  }

  /** The last record among these. */
  #lastOf(items: readonly Item<T, V, R>[]): Item<T, V, R> | undefined {
    const { due } = this.#process
    return due === undefined ? items.at(-1) : (due.lastOf(items) as Item<T, V, R> | undefined)
  }

  #takenWith({ record, place }: Item<T, V, R>): Taken {
    try {
      return { position: this.#process.positionOf!(record), records: place }
    } catch (error) {
      throw callbackError('positionOf', error)
    }
  }

  #give(run: readonly Item<T, V, R>[]): void {
    if (this.outputs !== undefined) this.#count(run, this.outputs)
    for (const item of run) {
      if (this.#isHeld(item)) this.#done++
      if (item.cell !== undefined) item.cell.leave()
      if (item.end === 'nothing') {
        this.#process.due?.passed(item.record)
        continue
      }
      if (item.end === 'fatal') this.destination.error(item.error)
      else if (item.error === undefined) this.destination.next(this.#outputOf(item))
      else this.#takeOut(item.error, item.record)
      if (this.destination.closed) return
    }
  }

  /** What is about to be given out, up to what ends the stream. */
  #count(run: readonly Item<T, V, R>[], outputs: Outputs): void {
    const fatal = run.findIndex(({ end }) => end === 'fatal')
    const some = fatal < 0 ? run : run.slice(0, fatal)
    if (some.length === 0) return
    const { due, journal } = this.#process
    let wanted = 0
    if (journal !== undefined) {
      for (const { end, error, record } of some) {
        if (end !== 'nothing') wanted += error !== undefined || due === undefined ? 1 : due.resultsOf(record)
      }
    }
    const last = this.#lastOf(some)
    if (last !== undefined) this.#given = this.#takenWith(last)
    if (due !== undefined) this.#given = { ...this.#given, records: some.at(-1)!.place }
    outputs.add(wanted, this.#given)
  }

  #outputOf({ record, value, output }: Item<T, V, R>): R {
    // Thousands of records wait for their commit: the usual pair is made only now.
    return (this.#process.project === undefined ? [record, value] : output) as R
  }

  #takeOut(error: KVError, record: T): void {
    try {
      this.#process.deadLetter?.({ record, error })
    } catch (cause) {
      this.destination.error(callbackError('deadLetter', cause))
    }
  }

  #completeWhenDone(): void {
    if (this.#completing && !this.#isGiving && this.#streams.every(({ isIdle }) => isIdle)) {
      this.destination.complete()
    }
  }
}
