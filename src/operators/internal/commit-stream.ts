import { type Subscriber, Subscription, timer } from 'rxjs'
import { KVError } from '../../base/errors.ts'
import { Queue } from '../../base/queue.ts'
import type { Taken } from '../../contract/owned-partition.ts'
import type { Access } from '../../store/access.ts'
import { Batch, type Item, isOwn, type Process } from './batch.ts'
import { type Cell, Cells } from './cells.ts'
import { Commit, type Sender } from './commit.ts'
import { CommitFence } from './commit-fence.ts'
import { RING, type Ring } from './journal.ts'
import { Lookup } from './lookup.ts'
import type { Outputs } from './outputs.ts'
import { Replay } from './replay.ts'

/** How many commits of an owned partition may be on their way: fewer than a claim moves the fence by. */
const MOST_COMMITS = 4

/** How many commits may be on their way at a time. */
export const mostCommits = ({ fences }: Pick<Process<never, never, never>, 'fences'>): number =>
  fences === undefined ? 1 : MOST_COMMITS

/** Records that the store refuses bring commits down to this size, no further: enough to share the round trip. */
const LEAST_AFTER_REFUSAL = 512

/** The longest wait, in milliseconds, before a commit is repeated although nobody was seen to write. */
const MAX_BACKOFF = 100

/** The records of all shards, in the order in which they came. */
export interface Line<T, V, R> {
  readonly destination: Subscriber<R>
  readonly isStopped: boolean
  /** No more will be given out: what is on its way is waited for, and nothing more is sent. */
  readonly isBlocked: boolean
  /** What was taken of an owned partition, where that is kept. */
  readonly outputs: Outputs | undefined
  /** How far the partition is before a record that was not given out. */
  before(item: Item<T, V, R>): Taken
  /** The end of some records is known, in their order: gives out those whose turn it is. */
  giveOut(ended: readonly Item<T, V, R>[]): void
  /** Asks for as many more as were given out. */
  release(): void
}

/**
 * The commits of the records whose keys are in one shard. A record has `arrived`, its key's lookup is asked for (of one
 * batch of them, at most, while others are on their way), and is then run in a batch, and sent in a commit.
 *
 * Without a fence one commit is on its way at a time, so that a key's next records are run on what its last ones wrote.
 * With one, several are: their records are run on what the commits before will leave. If one of those is not carried
 * out, neither is any after it; then all their records are run again, in order.
 *
 * Of an owned partition the first records may be committed already.
 */
export class CommitStream<T, V, R> implements Sender {
  readonly #access: Access<V>
  readonly #process: Process<T, V, R>
  readonly #line: Line<T, V, R>
  readonly #destination: Subscriber<R>
  readonly #shard: number
  readonly #cells: Cells<V>
  /** Neither run nor on their way. The lookups of the first `asked` were asked for. */
  readonly #arrived = new Queue<Item<T, V, R>>()
  #asked = 0
  /** Run, and not all on their way. */
  #batch: Batch<T, V, R> | undefined
  /** On their way, in order. */
  #commits: Commit<T, V, R>[] = []
  readonly #fence: CommitFence<T> | undefined
  readonly #ring: Ring | undefined
  /** Records that are committed come first. */
  readonly #replay: Replay<T, V, R> | undefined
  readonly #mostCommits: number
  /**
   * How many may be on their way now: one after a conflict, since those behind it are in vain too, one more with each
   * that had none.
   */
  #depth: number
  readonly #pauses = new Subscription()
  /** Records whose end is not known. */
  #open = 0
  /** One of them ends the stream when its turn comes. */
  #isFatal = false
  /** A step is to be made at the end of the turn. */
  #stepping = false
  /** A lookup is under way. */
  #asking = false
  /** A commit failed, and what has to be known before it is repeated is being asked for. */
  #recovering = false
  /** How many records a commit takes: fewer after one that was refused, more again with each that was not. */
  #limit: number
  /** Conflicts since the last commit, and how many of them nobody was seen to cause. */
  #conflicts = 0
  #unexplained = 0

  /** `start` is after what place in the partition the records begin. */
  constructor(
    access: Access<V>,
    process: Process<T, V, R>,
    line: Line<T, V, R>,
    shard: number,
    start: number,
  ) {
    this.#access = access
    this.#process = process
    this.#line = line
    this.#destination = line.destination
    this.#shard = shard
    this.#cells = new Cells(Math.ceil(process.remember / access.shards))
    this.#mostCommits = mostCommits(process)
    this.#depth = this.#mostCommits
    this.#limit = process.commitSize
    this.#ring = process.journal?.rings[shard]
    const fence = process.fences?.[shard]
    if (fence === undefined) return
    this.#fence = new CommitFence(fence, shard, process.positionOf!, line.outputs)
    this.#replay = new Replay(access, process, start, fence.state, this.#ring)
  }

  /**
   * Takes a record, or what is due; of a key, unless it was rejected. Throws where it is another than was committed.
   */
  take(item: Item<T, V, R>, key: string | undefined): void {
    if (this.#replay?.isDone === false) {
      this.#takeReplayed(this.#replay, item)
      return
    }
    this.#open++
    try {
      if (key !== undefined) item.cell = this.#cells.enter(key)
    } catch (error) {
      item.reject(error as KVError)
    }
    this.#arrived.push(item)
    if (!this.#asking || this.#commits.length < this.#mostCommits) this.stepLater()
  }

  #takeReplayed(replay: Replay<T, V, R>, item: Item<T, V, R>): void {
    const ended = replay.take(item)
    if (ended.length === 0) return
    if (ended.some(({ end }) => end !== 'nothing')) this.#isToBeTaken(ended)
    this.#line.giveOut(ended)
    if (!this.#destination.closed) this.#line.release()
  }

  /** Nothing is under way, nor will be. */
  get isIdle(): boolean {
    return this.#open === 0 || this.#isFatal || (this.#line.isBlocked && this.#commits.length === 0)
  }

  /** What was due at a place, of those that are committed. */
  dueAt(place: number): T | undefined {
    return this.isToReplay ? this.#replay!.dueAt(place) : undefined
  }

  /** There is more to come that is committed. */
  get isToReplay(): boolean {
    return this.#replay?.isDone === false
  }

  /** Some records of a commit whose outputs were not taken have come again, and not all. */
  get isReplaying(): boolean {
    return this.#replay?.isRunning === true
  }

  get isStopped(): boolean {
    return this.#line.isStopped
  }

  stop(): void {
    this.#pauses.unsubscribe()
  }

  /** Gathers what belongs together: the records of a turn, and what its answers bring. */
  stepLater(): void {
    if (this.#stepping) return
    this.#stepping = true
    this.#access.defer(() => {
      this.#stepping = false
      if (!this.isStopped) this.#step()
    })
  }

  get #maySend(): boolean {
    // After one that failed, what is on its way is waited for.
    const isFailing = this.#recovering || this.#commits.some(({ result }) => result instanceof KVError)
    const { length } = this.#commits
    if (length >= this.#depth || isFailing || this.#isFatal || this.#line.isBlocked) return false
    // Each has a place in the journal, until its outputs were taken.
    return this.#ring === undefined || length + this.#line.outputs!.commitsOf(this.#shard) < RING
  }

  get #keepsBytes(): boolean {
    return this.#process.journal?.all === true
  }

  #step(): void {
    if (!this.#asking) this.#lookUp()
    while (this.#maySend && !this.#destination.closed) {
      this.#batch ??= this.#nextBatch()
      if (this.#batch === undefined) return
      const { fatal } = this.#batch
      if (fatal === undefined) this.#send(this.#batch)
      else {
        if (this.#commits.length === 0) this.#fail(fatal)
        return
      }
    }
  }

  /** A record ends the stream, in its turn. */
  #fail(item: Item<T, V, R>): void {
    this.#isFatal = true
    item.end = 'fatal'
    this.#line.giveOut([item])
    if (!this.#destination.closed) this.#line.release()
  }

  #lookUp(): void {
    const cells: Cell<V>[] = []
    while (this.#asked < this.#process.commitSize) {
      const item = this.#arrived.at(this.#asked)
      if (item === undefined) break
      this.#asked++
      if (item.cell?.state !== 'unknown') continue
      item.cell.state = 'asked'
      cells.push(item.cell)
    }
    if (cells.length === 0) return
    this.#asking = true
    this.#read(cells, undefined, () => {
      this.#asking = false
      this.stepLater()
    })
  }

  /** Reads the cells; `changed` gets those of which another version was found than was known. */
  #read(cells: readonly Cell<V>[], changed: Set<Cell<V>> | undefined, done: () => void): void {
    const lookup = new Lookup(cells.length, () => this.isStopped, this.#keepsBytes, changed, done)
    for (const cell of cells) this.#access.read(cell.ask(lookup))
  }

  #nextBatch(): Batch<T, V, R> | undefined {
    const most = Math.min(this.#asked, this.#limit)
    let count = 0
    while (count < most && this.#arrived.at(count)!.isLookedUp) count++
    if (count === 0) return undefined
    this.#asked -= count
    return new Batch(this.#process, this.#arrived.take(count))
  }

  /** Sends as much of a batch as goes into one commit. */
  #send(batch: Batch<T, V, R>): void {
    const end = Math.min(batch.end, batch.cut, batch.from + this.#limit)
    let commit: Commit<T, V, R>
    try {
      commit = new Commit(this, this.#access, this.#process, this.#fence, this.#ring, batch, end)
    } catch (error) {
      this.#destination.error(error)
      return
    }
    batch.advance(end)
    if (end === batch.items.length) this.#batch = undefined
    this.#commits.push(commit)
    this.#access.commit(commit.mutations, commit, {
      nodes: commit.nodes,
      shard: this.#shard,
      chain: this.#fence?.chain,
      encoded: this.#keepsBytes ? writes => commit.encoded(writes) : undefined,
    })
  }

  /**
   * Emits, in order, what is durable; begins to recover when the first of the rest has failed and all have their end.
   */
  settled(): void {
    if (this.#recovering) return
    while (this.#commits[0]?.result === 'durable') {
      this.#durable(this.#commits.shift()!)
      if (this.#destination.closed) return
    }
    const failed = this.#commits[0]?.result
    if (failed instanceof KVError) {
      if (this.#commits.every(({ result }) => result !== undefined)) this.#recover(failed)
    } else this.stepLater()
  }

  #durable(commit: Commit<T, V, R>): void {
    this.#conflicts = 0
    this.#unexplained = 0
    this.#depth = Math.min(this.#depth + 1, this.#mostCommits)
    this.#limit = Math.min(this.#process.commitSize, this.#limit + Math.max(1, this.#limit >> 3))
    commit.isDurable(this.#fence, this.#ring)
    if (this.#ring !== undefined) this.#isToBeTaken(commit.items)
    this.#open -= commit.items.length
    this.#line.giveOut(commit.items)
    if (this.#destination.closed) return
    // The next commit leaves first: while it is under way there is time for a source that makes its records as it is
    // asked.
    this.#step()
    if (!this.#destination.closed) this.#line.release()
  }

  /** The outputs of a commit are to be taken. */
  #isToBeTaken(items: readonly Item<T, V, R>[]): void {
    const before = this.#line.before(items[0]!)
    this.#line.outputs!.committed({ shard: this.#shard, before, last: items.at(-1)!.place })
  }

  /** The first commit on its way failed, so none of the others was carried out either, unless it is not known. */
  #recover(error: KVError): void {
    this.#recovering = true
    const fence = this.#fence
    if (fence?.isDoubtful(error) !== true) {
      this.#runAgain(error)
      return
    }
    const sent = this.#commits.map(commit => commit.fenceWrite!)
    fence.reconcile(
      this.#access,
      sent,
      () => this.isStopped,
      end => {
        if (end instanceof KVError) {
          this.#destination.error(end)
          return
        }
        for (const commit of this.#commits.splice(0, end)) {
          this.#durable(commit)
          if (this.#destination.closed) return
        }
        const next = this.#commits[0]?.result
        if (end > 0 && next instanceof KVError && !fence.isDoubtful(next)) this.#runAgain(next)
        else this.#runAgain(undefined)
      },
    )
  }

  /** Puts all that is on its way back into one batch, and mends why the first commit of it failed. */
  #runAgain(error: KVError | undefined): void {
    const commits = this.#commits
    this.#commits = []
    this.#fence?.restore()
    this.#ring?.restore(commits.find(({ journalWrite }) => journalWrite)?.journalWrite)
    for (const commit of commits) commit.isUndone()
    const [first] = commits
    if (first === undefined) {
      this.#goOn()
      return
    }
    const isAlone = commits.length === 1 && (this.#batch ?? first.batch) === first.batch
    if (isAlone) {
      // What its records came to holds, but for what is read anew.
      first.batch.takeBack(first.from)
      this.#batch = first.batch
    } else {
      const unsent = this.#batch?.items.slice(this.#batch.from) ?? []
      this.#batch = new Batch(this.#process, [...commits.flatMap(commit => commit.items), ...unsent])
    }
    if (error === undefined) this.#goOn()
    else this.#refused(this.#batch, first, error)
  }

  #goOn(): void {
    this.#recovering = false
    this.stepLater()
    this.#line.release()
  }

  #refused(batch: Batch<T, V, R>, { cells, items }: Commit<T, V, R>, error: KVError): void {
    const count = items.length
    const cell = cells.find(({ key }) => key === error.key)
    const concernsBatch = cell !== undefined || error.key === undefined
    if (error.code === 'VERSION_CONFLICT' && concernsBatch) {
      this.#resolve(batch, count, cell)
      return
    }
    const ring = this.#ring
    if (error.code === 'VERSION_CONFLICT' && ring?.has(error.key)) {
      ring.reload(this.#access, failure => {
        if (failure === undefined) this.#goOn()
        else this.#destination.error(failure)
      })
      return
    }
    const first = items[0]!
    if (!isOwn(error) || !concernsBatch || (count === 1 && first.error !== undefined)) {
      this.#destination.error(error)
      return
    }
    if (cell !== undefined) {
      batch.isolate(cell, batch.from + count, error)
      this.#limit = Math.max(Math.min(this.#limit, LEAST_AFTER_REFUSAL), this.#limit >> 1)
    } else if (count === 1) {
      batch.reject(first, error)
    } else {
      // Too much for one commit, wherever the limit is.
      this.#limit = count >> 1
    }
    this.#goOn()
  }

  /**
   * Somebody else has written: what was written is read, the records of those keys are run again, and the commit
   * repeated.
   */
  #resolve(batch: Batch<T, V, R>, count: number, conflicting: Cell<V> | undefined): void {
    this.#depth = 1
    // The smaller the commit, the sooner it follows its read.
    if (++this.#conflicts > 1) batch.cut = batch.from + Math.max(1, count >> 1)
    const cells = batch.cells(batch.end)
    const changed = new Set<Cell<V>>()
    this.#read(cells, changed, () => {
      this.#unexplained = changed.size === 0 ? this.#unexplained + 1 : 0
      // Also where the version is the same: the key may have been deleted and created again.
      for (const cell of conflicting === undefined ? cells : [conflicting]) changed.add(cell)
      batch.runAgain(changed)
      if (this.#unexplained === 0) this.#goOn()
      else {
        const pause = Math.min(2 ** this.#unexplained, MAX_BACKOFF)
        this.#pauses.add(timer(pause).subscribe(() => this.#goOn()))
      }
    })
  }
}
