import { type Subscriber, Subscription, timer } from 'rxjs'
import type { Intake } from '../../demand.ts'
import type { Written } from '../../engine.ts'
import type { KVError } from '../../errors.ts'
import type { Access, Committer, Reader } from '../../store/access.ts'
import type { Mutation } from '../../store/kv-store.ts'
import { Queue } from '../../store/queue.ts'
import { callbackError } from './arguments.ts'
import { Batch, Item, isOwn, type Process } from './batch.ts'
import { type Cell, Cells } from './cells.ts'
import type { Sink } from './operate.ts'

/** Records that the store refuses bring commits down to this size, no further: enough to share the round trip. */
const LEAST_AFTER_REFUSAL = 512

/** The longest wait, in milliseconds, before a commit is repeated although nobody was seen to write. */
const MAX_BACKOFF = 100

/** A commit on its way: of the records up to `end`; `writing` are the cells of the first of `writes`. */
interface Commit<V> {
  readonly end: number
  readonly cells: readonly Cell<V>[]
  readonly writing: readonly Cell<V>[]
  readonly writes: readonly Mutation<V>[]
}

/** Some keys that are looked up together. */
class Lookup<V> {
  readonly changed: Set<Cell<V>> = new Set()
  readonly #isStopped: () => boolean
  readonly #done: (changed: Set<Cell<V>>) => void
  #left: number

  constructor(count: number, isStopped: () => boolean, done: (changed: Set<Cell<V>>) => void) {
    this.#left = count
    this.#isStopped = isStopped
    this.#done = done
  }

  get withdrawn(): boolean {
    return this.#isStopped()
  }

  settled(): void {
    if (--this.#left === 0) this.#done(this.changed)
  }
}

/** One of them. */
class CellReader<V> implements Reader<V> {
  readonly #cell: Cell<V>
  readonly #lookup: Lookup<V>

  constructor(cell: Cell<V>, lookup: Lookup<V>) {
    this.#cell = cell
    this.#lookup = lookup
  }

  get withdrawn(): boolean {
    return this.#lookup.withdrawn
  }

  found(value: V | undefined, version: number): void {
    this.#settled(undefined, value, version)
  }

  failed(error: KVError): void {
    this.#settled(error, undefined, -1)
  }

  #settled(error: KVError | undefined, value: V | undefined, version: number): void {
    if (this.#cell.read(error, value, version)) this.#lookup.changed.add(this.#cell)
    this.#lookup.settled()
  }
}

/**
 * The process loop. A record has `arrived`, is `ready` once its key's lookup was asked for (one batch of them, at most,
 * while the batch before is being committed), and is then run and committed in a batch. One commit is under way at a
 * time, so that a key's next records are run on what its last ones wrote.
 */
export class CommitLoop<T, V, R> implements Sink<T> {
  readonly #access: Access<V>
  readonly #process: Process<T, V, R>
  readonly #destination: Subscriber<R>
  readonly #intake: Intake
  readonly #cells: Cells<V>
  readonly #arrived = new Queue<Item<T, V, R>>()
  readonly #ready = new Queue<Item<T, V, R>>()
  readonly #pauses = new Subscription()
  /** A step is to be made at the end of the turn. */
  #stepping = false
  #stopped = false
  #batch: Batch<T, V, R> | undefined
  /** A lookup is under way; a commit, or what has to be read before it is repeated, is under way. */
  #asking = false
  #committing = false
  #completing = false
  /** How many records a commit takes: fewer after one that was refused, more again with each that was not. */
  #limit: number
  /** Conflicts since the last commit, and how many of them nobody was seen to cause. */
  #conflicts = 0
  #unexplained = 0

  constructor(access: Access<V>, process: Process<T, V, R>, destination: Subscriber<R>, intake: Intake) {
    this.#access = access
    this.#process = process
    this.#destination = destination
    this.#intake = intake
    this.#cells = new Cells(process.remember)
    this.#limit = process.concurrency
  }

  next(record: T): void {
    const item = new Item<T, V, R>(record)
    this.#intake.held++
    this.#enter(item)
    this.#arrived.push(item)
    if (!this.#asking || !this.#committing) this.#stepLater()
  }

  complete(): void {
    this.#completing = true
    this.#completeWhenDone()
  }

  stop(): void {
    this.#stopped = true
    this.#pauses.unsubscribe()
  }

  #enter(item: Item<T, V, R>): void {
    let key: string
    try {
      key = this.#process.keyOf(item.record)
    } catch (error) {
      item.reject(callbackError('keyOf', error))
      return
    }
    try {
      item.cell = this.#cells.enter(key)
    } catch (error) {
      item.reject(error as KVError)
    }
  }

  #completeWhenDone(): void {
    if (this.#completing && this.#intake.held === 0) this.#destination.complete()
  }

  /** Gathers what belongs together: the records of a turn, and what its answers bring. */
  #stepLater(): void {
    if (this.#stepping) return
    this.#stepping = true
    this.#access.defer(() => {
      this.#stepping = false
      if (!this.#stopped) this.#step()
    })
  }

  #step(): void {
    if (!this.#asking) this.#lookUp()
    if (this.#committing) return
    this.#batch ??= this.#nextBatch()
    const { fatal } = this.#batch ?? {}
    if (fatal !== undefined) this.#destination.error(fatal.error)
    else if (this.#batch !== undefined) this.#commit(this.#batch)
  }

  #lookUp(): void {
    const cells: Cell<V>[] = []
    while (this.#ready.length < this.#process.concurrency) {
      const item = this.#arrived.shift()
      if (item === undefined) break
      this.#ready.push(item)
      if (item.cell?.state !== 'unknown') continue
      item.cell.state = 'asked'
      cells.push(item.cell)
    }
    if (cells.length === 0) return
    this.#asking = true
    this.#read(cells, () => {
      this.#asking = false
      this.#stepLater()
    })
  }

  /** Reads the cells; `done` gets those of which another version was found than was known. */
  #read(cells: readonly Cell<V>[], done: (changed: Set<Cell<V>>) => void): void {
    const lookup = new Lookup(cells.length, () => this.#stopped, done)
    for (const cell of cells) this.#access.read(cell.key, new CellReader(cell, lookup))
  }

  #nextBatch(): Batch<T, V, R> | undefined {
    const items: Item<T, V, R>[] = []
    while (items.length < this.#limit && this.#ready.peek()?.isLookedUp) items.push(this.#ready.shift()!)
    return items.length === 0 ? undefined : new Batch(this.#process, items)
  }

  #commit(batch: Batch<T, V, R>): void {
    const end = Math.min(batch.end, batch.cut, batch.from + this.#limit)
    const cells = batch.prepare(end)
    const writing: Cell<V>[] = []
    const writes: Mutation<V>[] = []
    for (const cell of cells) {
      const mutation = cell.mutation(this.#process.unchanged)
      if (mutation === undefined) continue
      writing.push(cell)
      writes.push(mutation)
    }
    if (this.#process.commitWith !== undefined) {
      try {
        writes.push(
          ...this.#process.commitWith(batch.items.slice(batch.from, end).map(({ record }) => record)),
        )
      } catch (error) {
        this.#destination.error(callbackError('commitWith', error))
        return
      }
    }
    const commit: Commit<V> = { end, cells, writing, writes }
    if (writes.length === 0) {
      this.#committed(batch, commit, [])
      return
    }
    this.#committing = true
    const loop = this
    const committer: Committer = {
      get withdrawn() {
        return loop.#stopped
      },
      committed: written => this.#committed(batch, commit, written),
      failed: error => this.#refused(batch, commit, error),
    }
    this.#access.commit(writes, committer)
  }

  #committed(batch: Batch<T, V, R>, commit: Commit<V>, results: readonly Written[]): void {
    this.#committing = false
    this.#conflicts = 0
    this.#unexplained = 0
    this.#limit = Math.min(this.#process.concurrency, this.#limit + Math.max(1, this.#limit >> 3))
    let written = 0
    for (const cell of commit.cells) {
      if (cell !== commit.writing[written]) cell.committed(undefined, undefined)
      else {
        cell.committed(commit.writes[written], results[written])
        written++
      }
    }
    const { from, items } = batch
    batch.advance(commit.end)
    if (commit.end === items.length) this.#batch = undefined
    for (let i = from; i < commit.end; i++) {
      const item = items[i]!
      if (item.cell !== undefined) this.#cells.leave(item.cell)
      if (item.error === undefined) this.#destination.next(this.#outputOf(item))
      else this.#takeOut(item.error, item.record)
      if (this.#destination.closed) return
    }
    // The next commit leaves first: while it is under way there is time for a source that makes its records as it is asked.
    this.#step()
    if (this.#destination.closed) return
    this.#intake.release(commit.end - from)
    this.#completeWhenDone()
    this.#stepLater()
  }

  #outputOf({ record, value, output }: Item<T, V, R>): R {
    // Thousands of records wait for their commit: the usual pair is made only now.
    return (this.#process.project === undefined ? [record, value] : output) as R
  }

  #takeOut(error: KVError, record: T): void {
    try {
      this.#process.onError?.(error, record)
    } catch (cause) {
      this.#destination.error(callbackError('onError', cause))
    }
  }

  #refused(batch: Batch<T, V, R>, { end, cells }: Commit<V>, error: KVError): void {
    const cell = cells.find(({ key }) => key === error.key)
    const concernsBatch = cell !== undefined || error.key === undefined
    if (error.code === 'VERSION_CONFLICT' && concernsBatch) {
      this.#resolve(batch, end, cell)
      return
    }
    const count = end - batch.from
    const first = batch.items[batch.from]!
    if (!isOwn(error) || !concernsBatch || (count === 1 && first.error !== undefined)) {
      this.#destination.error(error)
      return
    }
    if (cell !== undefined) {
      batch.isolate(cell, end, error)
      this.#limit = Math.max(Math.min(this.#limit, LEAST_AFTER_REFUSAL), this.#limit >> 1)
    } else if (count === 1) {
      batch.reject(first, error)
    } else {
      // Too much for one commit, wherever the limit is.
      this.#limit = count >> 1
    }
    this.#committing = false
    this.#stepLater()
  }

  /** Somebody else has written: what he wrote is read, the records of those keys are run again, and the commit repeated. */
  #resolve(batch: Batch<T, V, R>, end: number, conflicting: Cell<V> | undefined): void {
    // The smaller the commit, the sooner it follows its read.
    if (++this.#conflicts > 1) batch.cut = batch.from + Math.max(1, (end - batch.from) >> 1)
    const cells = batch.cells(batch.end)
    this.#read(cells, changed => {
      this.#unexplained = changed.size === 0 ? this.#unexplained + 1 : 0
      // Also where the version is the same: the key may have been deleted and created again.
      for (const cell of conflicting === undefined ? cells : [conflicting]) changed.add(cell)
      batch.runAgain(changed)
      const again = (): void => {
        this.#committing = false
        this.#stepLater()
      }
      if (this.#unexplained === 0) again()
      else this.#pauses.add(timer(Math.min(2 ** this.#unexplained, MAX_BACKOFF)).subscribe(again))
    })
  }
}
