import { type Subscriber, Subscription, timer } from 'rxjs'
import type { Intake } from '../../base/demand.ts'
import { KVError } from '../../base/errors.ts'
import { Queue } from '../../base/queue.ts'
import type { Taken } from '../../contract/owned-partition.ts'
import type { Access } from '../../store/access.ts'
import { callbackError } from './arguments.ts'
import { Batch, Item, isOwn, type Process } from './batch.ts'
import { type Cell, Cells } from './cells.ts'
import { Commit, type Sender } from './commit.ts'
import type { CommitFence } from './commit-fence.ts'
import { RING } from './journal.ts'
import { Lookup } from './lookup.ts'
import type { Sink } from './operate.ts'
import { Replay } from './replay.ts'

/** How many commits of an owned partition may be on their way: fewer than a claim moves the fence by. */
const MOST_COMMITS = 4

/** How many commits may be on their way at a time. */
export const mostCommits = ({ fence }: Pick<Process<never, never, never>, 'fence'>): number =>
  fence === undefined ? 1 : MOST_COMMITS

/** Records that the store refuses bring commits down to this size, no further: enough to share the round trip. */
const LEAST_AFTER_REFUSAL = 512

/** The longest wait, in milliseconds, before a commit is repeated although nobody was seen to write. */
const MAX_BACKOFF = 100

/** How far its records were taken once its outputs are. */
const takenOf = <T, V, R>({ fenceWrite }: Commit<T, V, R>): Taken => {
  const { position, records } = fenceWrite!.state
  return { position, records }
}

/**
 * The process loop. A record has `arrived`, its key's lookup is asked for (of one batch of them, at most, while others
 * are on their way), and is then run in a batch, and sent in a commit.
 *
 * Without a fence one commit is on its way at a time, so that a key's next records are run on what its last ones wrote.
 * With one, several are: their records are run on what the commits before will leave. If one of those is not carried out,
 * neither is any after it; then all their records are run again, in order.
 *
 * With a journal, the first records may be committed already, by a process that died before their outputs were taken: those
 * are only given out.
 */
export class CommitLoop<T, V, R> implements Sink<T>, Sender {
  readonly #access: Access<V>
  readonly #process: Process<T, V, R>
  readonly #destination: Subscriber<R>
  readonly #intake: Intake
  readonly #cells: Cells<V>
  /** Neither run nor on their way. The lookups of the first `asked` were asked for. */
  readonly #arrived = new Queue<Item<T, V, R>>()
  #asked = 0
  /** Run, and not all on their way. */
  #batch: Batch<T, V, R> | undefined
  /** On their way, in order. */
  #commits: Commit<T, V, R>[] = []
  readonly #fence: CommitFence<T> | undefined
  readonly #mostCommits: number
  /** How many may be on their way now: one after a conflict, since those behind it are in vain too, one more with each that had none. */
  #depth: number
  /** Records that are committed are run again first. */
  #replay: Replay<T, V, R> | undefined
  readonly #pauses = new Subscription()
  /** A step is to be made at the end of the turn. */
  #stepping = false
  /** Nobody listens any more. */
  stopped = false
  /** A lookup is under way. */
  #asking = false
  /** A commit failed, and what has to be known before it is repeated is being asked for. */
  #recovering = false
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
    this.#fence = process.fence?.()
    this.#mostCommits = mostCommits(process)
    this.#depth = this.#mostCommits
    this.#limit = process.commitSize
    const { journal } = process
    if (journal === undefined) return
    journal.outputs.freed = () => this.#stepLater()
    this.#replay = new Replay(access, process, journal)
  }

  next(record: T): void {
    if (this.#replay?.isDone === false) {
      this.#runReplayed(this.#replay, record)
      return
    }
    const item = new Item<T, V, R>(record)
    this.#intake.held++
    this.#enter(item)
    this.#arrived.push(item)
    if (!this.#asking || this.#commits.length < this.#mostCommits) this.#stepLater()
  }

  complete(): void {
    this.#completing = true
    this.#completeWhenDone()
  }

  stop(): void {
    this.stopped = true
    this.#pauses.unsubscribe()
  }

  #runReplayed(replay: Replay<T, V, R>, record: T): void {
    for (const { record: replayed, output, error } of replay.next(record)) {
      if (error === undefined) this.#destination.next(output as R)
      else if (this.#process.deadLetter === undefined) this.#destination.error(error)
      else this.#takeOut(error, replayed)
      if (this.#destination.closed) return
    }
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
      if (!this.stopped) this.#step()
    })
  }

  get #maySend(): boolean {
    // After one that failed, what is on its way is waited for.
    const isFailing = this.#recovering || this.#commits.some(({ result }) => result instanceof KVError)
    // Each has a place in the journal, until its outputs were taken.
    const untaken = this.#process.journal?.outputs.commits ?? 0
    const { length } = this.#commits
    return length < this.#depth && length + untaken < RING && !isFailing
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
        if (this.#commits.length === 0) this.#destination.error(fatal.error)
        return
      }
    }
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
      this.#stepLater()
    })
  }

  /** Reads the cells; `changed` gets those of which another version was found than was known. */
  #read(cells: readonly Cell<V>[], changed: Set<Cell<V>> | undefined, done: () => void): void {
    const lookup = new Lookup(cells.length, () => this.stopped, this.#keepsBytes, changed, done)
    for (const cell of cells) {
      cell.ask(lookup)
      this.#access.read(cell.key, cell)
    }
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
      commit = new Commit(this, this.#access, this.#process, this.#fence, batch, end)
    } catch (error) {
      this.#destination.error(error)
      return
    }
    batch.advance(end)
    if (end === batch.items.length) this.#batch = undefined
    this.#commits.push(commit)
    this.#access.commit(commit.mutations, commit, {
      nodes: commit.nodes,
      chain: this.#fence?.chain,
      encoded: this.#keepsBytes ? writes => commit.encoded(writes) : undefined,
    })
  }

  /** Emits, in order, what is durable; begins to recover when the first of the rest has failed and all have their end. */
  settled(): void {
    if (this.#recovering) return
    while (this.#commits[0]?.result === 'durable') {
      this.#durable(this.#commits.shift()!)
      if (this.#destination.closed) return
    }
    const failed = this.#commits[0]?.result
    if (failed instanceof KVError) {
      if (this.#commits.every(({ result }) => result !== undefined)) this.#recover(failed)
    } else this.#stepLater()
  }

  #durable(commit: Commit<T, V, R>): void {
    this.#conflicts = 0
    this.#unexplained = 0
    this.#depth = Math.min(this.#depth + 1, this.#mostCommits)
    this.#limit = Math.min(this.#process.commitSize, this.#limit + Math.max(1, this.#limit >> 3))
    const { journal } = this.#process
    commit.isDurable(this.#fence, journal)
    if (journal !== undefined) journal.outputs.add(commit.items.length, takenOf(commit))
    for (const item of commit.items) {
      if (item.cell !== undefined) this.#cells.leave(item.cell)
      if (item.error === undefined) this.#destination.next(this.#outputOf(item))
      else this.#takeOut(item.error, item.record)
      if (this.#destination.closed) return
    }
    // The next commit leaves first: while it is under way there is time for a source that makes its records as it is asked.
    this.#step()
    if (this.#destination.closed) return
    this.#intake.release(commit.items.length)
    this.#completeWhenDone()
  }

  #outputOf({ record, value, output }: Item<T, V, R>): R {
    // Thousands of records wait for their commit: the usual pair is made only now.
    return (this.#process.project === undefined ? [record, value] : output) as R
  }

  #takeOut(error: KVError, record: T): void {
    try {
      this.#process.deadLetter?.({ record, error })
    } catch (cause) {
      this.#destination.error(callbackError('deadLetter', cause))
    }
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
      () => this.stopped,
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
    this.#process.journal?.restore(commits.find(({ journalWrite }) => journalWrite)?.journalWrite)
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
    this.#stepLater()
    this.#completeWhenDone()
  }

  #refused(batch: Batch<T, V, R>, { cells, items }: Commit<T, V, R>, error: KVError): void {
    const count = items.length
    const cell = cells.find(({ key }) => key === error.key)
    const concernsBatch = cell !== undefined || error.key === undefined
    if (error.code === 'VERSION_CONFLICT' && concernsBatch) {
      this.#resolve(batch, count, cell)
      return
    }
    const { journal } = this.#process
    if (error.code === 'VERSION_CONFLICT' && journal?.has(error.key)) {
      journal.reload(this.#access, failure => {
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

  /** Somebody else has written: what was written is read, the records of those keys are run again, and the commit repeated. */
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
