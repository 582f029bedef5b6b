import { KVError } from '../base/errors.ts'
import { Queue } from '../base/queue.ts'
import type { WriteDue, Written } from '../contract/engine.ts'
import { ask } from './engine-call.ts'
import type { Observer } from './hub.ts'
import { type Lane, Lanes } from './lanes.ts'
import { Read, SingleWrite, Transaction, Update, type Waiting, WITHDRAWN } from './operations.ts'
import { type RoundContext, UpdateRound } from './update-round.ts'
import { WriteBatch } from './write-batch.ts'

/** What the queue needs from the batcher. */
export interface WriteQueueContext extends Pick<RoundContext, 'engine' | 'encoding' | 'read'> {
  readonly observer: Observer
  /** Schedules a flush for the end of the turn. */
  wake(): void
  /** The read of `key` that waits to be sent. */
  queuedRead(key: string): Read | undefined
}

/**
 * The operations that change keys. Each enters the lanes of its keys, is ready when it has its turn in all of them, and
 * leaves them when it is settled. So the operations of one key are carried out in the order of the calls.
 */
export class WriteQueue {
  readonly #context: WriteQueueContext
  readonly #rounds: RoundContext
  readonly #lanes = new Lanes<Waiting>()
  /** The operations that have their turn, in order; those that had to wait for it come first. */
  readonly #resumed = new Queue<SingleWrite | Transaction>()
  readonly #ready = new Queue<SingleWrite | Transaction>()
  /** Lanes with a line, and rounds of updates in progress. */
  readonly #crowded = new Set<Lane<Waiting>>()
  readonly #updating = new Set<UpdateRound>()
  #inFlight = 0
  #inLine = 0
  #waitingBytes = 0

  constructor(context: WriteQueueContext) {
    this.#context = context
    this.#rounds = {
      engine: context.engine,
      encoding: context.encoding,
      read: context.read,
      join: lane => this.#nextUpdate(lane),
      write: operation => {
        this.#waitingBytes += operation.bytes
        this.#resumed.push(operation)
        context.wake()
      },
      ended: round => {
        this.#updating.delete(round)
        this.leave(round.lane, round)
      },
    }
  }

  /** The number of operations that wait for their turn, or to be sent. */
  get waiting(): number {
    return this.#resumed.length + this.#ready.length + this.#inLine + this.#updating.size
  }

  /** Whether a deadline may still pass that the engine does not watch. */
  get mayBeLate(): boolean {
    if (this.#resumed.length + this.#ready.length + this.#inLine > 0) return true
    for (const round of this.#updating) if (!round.isOver) return true
    return false
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  get isIdle(): boolean {
    return this.#lanes.size === 0
  }

  /** Whether an operation that changes `key` was requested and is not settled. */
  isWriting(key: string): boolean {
    return this.#lanes.size > 0 && this.#lanes.get(key) !== undefined
  }

  add(operation: SingleWrite | Transaction): void {
    this.#waitingBytes += operation.bytes
    if (operation instanceof SingleWrite) {
      operation.lane = this.#enter(operation.write.key, operation)
    } else {
      for (const { key } of operation.writes) {
        // Several writes of a key are in its lane together.
        if (this.#lanes.get(key)?.last !== operation) operation.lanes.push(this.#enter(key, operation))
      }
    }
    if (operation.blockedBy === 0) this.#ready.push(operation)
  }

  update(update: Update<unknown>): void {
    const lane = this.#enter(update.key, update)
    if (update.blockedBy === 0) this.#begin(lane, update)
  }

  /** Holds a read back until earlier operations that change its key are settled; returns false if there are none. */
  holdBack(read: Read): boolean {
    const lane = this.#lanes.size === 0 ? undefined : this.#lanes.get(read.key)
    if (lane === undefined) return false
    this.#wait(lane, read)
    return true
  }

  /** Ends this occupant's turn. */
  leave(lane: Lane<Waiting>, occupant: object): void {
    if (lane.occupant !== occupant) return
    lane.occupant = undefined
    while (lane.isCrowded) {
      const next = lane.line.peek()!
      if (next instanceof Read) {
        this.#shift(lane)
        if (!next.isOver) this.#context.read(next)
        continue
      }
      // Operations requested after a read must not be carried out before it.
      if (!this.#letReadGoFirst(lane)) {
        this.#shift(lane)
        lane.occupant = next
        if (--next.blockedBy === 0) this.#resume(lane, next)
      }
      return
    }
    this.#lanes.close(lane)
  }

  /** Sends batches while the engine takes more. */
  flush(): void {
    while (this.#inFlight < this.#context.engine.limits.inFlight) {
      const next = this.#assemble()
      if (next instanceof Transaction) this.#commit(next)
      else if (next !== undefined) this.#send(next)
      else if (this.#resumed.length + this.#ready.length === 0) return
    }
  }

  /** Removes the waiting operations for which `isOut` holds. */
  remove(isOut: (operation: Waiting) => boolean): Waiting[] {
    const ready = [this.#resumed, this.#ready].flatMap(queue => queue.remove(isOut))
    const inLine: Waiting[] = []
    for (const lane of this.#crowded) {
      const out = lane.line.remove(isOut)
      this.#inLine -= out.length
      if (!lane.isCrowded) this.#crowded.delete(lane)
      inLine.push(...out)
    }
    for (const operation of ready) this.#forget(operation)
    // A transaction may have its turn in some lanes and wait in others.
    for (const operation of new Set(inLine)) {
      if (operation instanceof SingleWrite || operation instanceof Transaction) this.#forget(operation)
    }
    const updating = [...this.#updating].flatMap(round => round.remove(isOut))
    return [...new Set([...ready, ...inLine, ...updating])]
  }

  /** The updates being written whose deadline has passed: it is unknown whether they will be carried out. */
  lateUpdates(now: number): Update<unknown>[] {
    return [...this.#updating].flatMap(({ writing }) =>
      writing.filter(update => update.deadline <= now && !update.isOver),
    )
  }

  #enter(key: string, operation: SingleWrite | Transaction | Update<unknown>): Lane<Waiting> {
    let lane = this.#lanes.get(key)
    if (lane === undefined) {
      lane = this.#lanes.open(key)
      this.#letReadGoFirst(lane)
    }
    if (lane.occupant === undefined || this.#mayFollow(operation, lane)) lane.occupant = operation
    else {
      operation.blockedBy++
      this.#wait(lane, operation)
    }
    lane.last = operation
    return lane
  }

  /** Whether an operation may be sent before the occupant of the lane is settled. */
  #mayFollow(operation: Waiting, { occupant, isCrowded }: Lane<Waiting>): boolean {
    return (
      operation instanceof Transaction &&
      operation.chain !== undefined &&
      occupant instanceof Transaction &&
      occupant.chain === operation.chain &&
      occupant.blockedBy === 0 &&
      !isCrowded
    )
  }

  /** Gives the turn in a lane to a read of its key that has not been sent; false where there is none. */
  #letReadGoFirst(lane: Lane<Waiting>): boolean {
    const read = this.#context.queuedRead(lane.key)
    if (read === undefined) return false
    read.lane = lane
    lane.occupant = read
    return true
  }

  #wait(lane: Lane<Waiting>, operation: Waiting): void {
    lane.line.push(operation)
    this.#crowded.add(lane)
    this.#inLine++
  }

  #shift(lane: Lane<Waiting>): void {
    lane.line.shift()
    if (!lane.isCrowded) this.#crowded.delete(lane)
    this.#inLine--
  }

  #resume(lane: Lane<Waiting>, operation: SingleWrite | Transaction | Update<unknown>): void {
    if (operation instanceof Update) this.#begin(lane, operation)
    else this.#resumed.push(operation)
    this.#context.wake()
  }

  #begin(lane: Lane<Waiting>, update: Update<unknown>): void {
    const round = new UpdateRound(this.#rounds, lane, update)
    lane.occupant = round
    this.#updating.add(round)
    round.begin()
  }

  #nextUpdate(lane: Lane<Waiting>): Update<unknown> | undefined {
    const next = lane.isCrowded ? lane.line.peek() : undefined
    if (!(next instanceof Update)) return undefined
    this.#shift(lane)
    return next
  }

  /** The next transaction, or a batch of single writes; `undefined` if none is left. */
  #assemble(): WriteBatch | Transaction | undefined {
    let batch: WriteBatch | undefined
    for (const queue of [this.#resumed, this.#ready]) {
      for (let next = queue.peek(); next !== undefined; next = queue.peek()) {
        if (next.isOver) {
          queue.shift()
          this.#forget(next)
          next.settle(WITHDRAWN)
        } else if (next instanceof Transaction) {
          if (batch !== undefined) return batch
          queue.shift()
          return next
        } else {
          batch ??= new WriteBatch()
          if (!this.#fits(next, batch)) return batch
          queue.shift()
          this.#take(next, batch)
        }
      }
    }
    return batch
  }

  /** Puts a write into a batch, with the writes of its key that follow it in line. */
  #take(write: SingleWrite, batch: WriteBatch): void {
    batch.push(write)
    const { lane } = write
    if (lane === undefined) return
    lane.occupant = batch
    while (lane.isCrowded) {
      const next = lane.line.peek()!
      if (!(next instanceof SingleWrite) || !this.#fits(next, batch)) return
      this.#shift(lane)
      if (next.isOver) this.#waitingBytes -= next.bytes
      else batch.push(next)
    }
  }

  #fits({ bytes }: SingleWrite, { operations, bytes: taken }: WriteBatch): boolean {
    const { writeBatch, batchBytes } = this.#context.engine.limits
    return operations.length === 0 || (operations.length < writeBatch && taken + bytes <= batchBytes)
  }

  #send(batch: WriteBatch): void {
    const { engine, observer, wake } = this.#context
    const { operations } = batch
    this.#inFlight++
    this.#waitingBytes -= batch.bytes
    const writes = operations.map(({ write }) => write)
    const due: WriteDue = {
      deadline: batch.latest,
      deadlineOf: index => operations[index]!.deadline,
      settled: (index, outcome) => operations[index]!.settle(outcome),
    }
    ask(engine.write(writes, due), results => {
      this.#inFlight--
      if (observer.active && !(results instanceof KVError)) observer.written(writes, results)
      // Before the results are passed on, so that operations requested because of them need not wait for this.
      for (const { lane } of operations) if (lane !== undefined) this.leave(lane, batch)
      for (let i = 0; i < operations.length; i++) {
        operations[i]!.settle(results instanceof KVError ? results : results[i]!)
      }
      wake()
    })
  }

  #commit(transaction: Transaction): void {
    const { engine, observer, wake } = this.#context
    const { writes } = transaction
    this.#inFlight++
    this.#waitingBytes -= transaction.bytes
    ask<readonly Written[]>(engine.commit(writes, { deadline: transaction.deadline }), results => {
      this.#inFlight--
      if (observer.active && !(results instanceof KVError)) observer.written(writes, results)
      // Before the result is passed on, so that operations requested because of it need not wait for this.
      for (const lane of transaction.lanes) this.leave(lane, transaction)
      transaction.settle(results)
      wake()
    })
  }

  /** An operation that will not be sent gives its turn to the next ones. */
  #forget(operation: SingleWrite | Transaction): void {
    this.#waitingBytes -= operation.bytes
    if (operation instanceof Transaction) {
      for (const lane of operation.lanes) this.leave(lane, operation)
    } else if (operation.lane !== undefined) this.leave(operation.lane, operation)
  }
}
