import type { Engine, Write, Written } from '../engine.ts'
import { KVError } from '../errors.ts'
import { type Lane, Lanes, Operation, WriteBatch } from './lanes.ts'
import { ask, inSameBatch, type Pacing } from './pacing.ts'
import { Queue } from './queue.ts'
import type { ReadRequest, WriteRequest } from './requests.ts'

/** What one write takes of the engine's `batchBytes`. */
export const sizeOf = (write: Write, { limits }: Engine): number =>
  Buffer.byteLength(write.key) + (write.type === 'put' ? write.value.byteLength : 0) + limits.overheadBytes

/** Gathers writes into batches; those of one key are carried out in the order in which they were asked for. */
export class WriteBatcher {
  readonly #engine: Engine
  readonly #pacing: Pacing
  readonly #addRead: (request: ReadRequest, index: number) => void
  readonly #lanes = new Lanes()
  /** What has come, in order. */
  readonly #ready = new Queue<Operation>()
  /** Lanes whose held-back operations may go on; they go first. */
  readonly #resumed = new Queue<Lane>()
  /** Transactions that have claimed all their lanes. */
  readonly #unblocked = new Queue<Operation>()
  /** Lanes in which operations are held back, and operations that reads wait for. */
  readonly #crowded = new Set<Lane>()
  readonly #awaited = new Set<Operation>()
  #held = 0
  #inFlight = 0

  constructor(engine: Engine, pacing: Pacing, addRead: (request: ReadRequest, index: number) => void) {
    this.#engine = engine
    this.#pacing = pacing
    this.#addRead = addRead
  }

  /** How many operations wait to be looked at. */
  get waiting(): number {
    return this.#ready.length + this.#resumed.length + this.#unblocked.length
  }

  /** How many operations and reads wait for others of their keys. */
  get held(): number {
    return this.#held
  }

  get idle(): boolean {
    return this.#lanes.size === 0
  }

  isWriting(key: string): boolean {
    return this.#lanes.get(key) !== undefined
  }

  add(request: WriteRequest): void {
    const { writes } = request
    if (request.atomic) {
      const lanes: Lane[] = []
      const operation = new Operation(request, 0, lanes, 0)
      for (const { key } of writes) {
        const lane = this.#lanes.open(key)
        // Several writes of a key are in its lane together.
        if (lane.last === operation) continue
        lanes.push(lane)
        this.#enter(operation, lane)
      }
      this.#ready.push(operation)
    } else {
      for (let i = 0; i < writes.length; i++) {
        const write = writes[i]!
        const lane = this.#lanes.open(write.key)
        const operation = new Operation(request, i, [lane], sizeOf(write, this.#engine))
        this.#enter(operation, lane)
        this.#ready.push(operation)
      }
    }
  }

  /** Holds the read of a key back until the writes that were asked for before it are settled; false where there are none. */
  defer(request: ReadRequest, index: number): boolean {
    if (this.#lanes.size === 0) return false
    const last = this.#lanes.get(request.keys[index]!)?.last
    if (last === undefined) return false
    if (last.readers === undefined) {
      last.readers = []
      this.#awaited.add(last)
    }
    last.readers.push([request, index])
    this.#held++
    return true
  }

  /** Sends batches while the engine takes more. */
  flush(): void {
    while (this.#inFlight < this.#engine.limits.inFlight && this.waiting > 0) {
      const batch = this.#assemble()
      if (batch.operations.length > 0) this.#send(batch)
      else this.#leave(batch)
    }
  }

  /** Settles what waits and has a `reason` to fail, and lets go of what was withdrawn. */
  expire(reason: (request: ReadRequest | WriteRequest) => KVError | undefined): void {
    const leaving: Operation[] = []
    this.#ready.retain(operation => {
      if (!this.#isOver(operation, reason)) return true
      if (operation.keepsPlace) return true
      leaving.push(operation)
      return false
    })
    for (const operation of leaving) this.#finish(operation, operation)
    // What is held back keeps its place.
    for (const lane of this.#crowded) lane.heldBack.forEach(operation => void this.#isOver(operation, reason))
    for (const operation of this.#awaited) this.#expireReaders(operation, reason)
  }

  #expireReaders(
    operation: Operation,
    reason: (request: ReadRequest | WriteRequest) => KVError | undefined,
  ): void {
    const readers = operation.readers!
    operation.readers = []
    this.#held -= readers.length
    for (const [request, index] of readers) {
      const error = request.withdrawn ? undefined : reason(request)
      if (error !== undefined) request.settle(index, error)
      else if (!request.withdrawn) {
        operation.readers.push([request, index])
        this.#held++
      }
    }
  }

  #enter(operation: Operation, lane: Lane): void {
    lane.pending++
    lane.last = operation
  }

  #assemble(): WriteBatch {
    const batch = new WriteBatch()
    const transaction = this.#unblocked.shift()
    if (transaction !== undefined) {
      this.#take(transaction, batch)
      return batch
    }
    for (let lane = this.#resumed.peek(); lane !== undefined; lane = this.#resumed.peek()) {
      if (!this.#takeHeldBack(lane, batch)) return batch
      this.#resumed.shift()
    }
    for (let operation = this.#ready.peek(); operation !== undefined; operation = this.#ready.peek()) {
      if (operation.request.atomic) {
        if (batch.operations.length > 0) return batch
        this.#ready.shift()
        if (!this.#claim(operation)) continue
        this.#take(operation, batch)
        return batch
      }
      const lane = operation.lanes[0]!
      if ((lane.holder !== undefined && lane.holder !== batch) || lane.crowded) {
        this.#holdBack(operation, lane)
      } else {
        if (!this.#fits(operation, batch)) return batch
        this.#take(operation, batch)
      }
      this.#ready.shift()
    }
    return batch
  }

  /** Takes the held-back writes of a lane up to the next transaction; false where the batch is full. */
  #takeHeldBack(lane: Lane, batch: WriteBatch): boolean {
    // Taken by another batch since it was resumed; it will be again.
    if (lane.holder !== undefined && lane.holder !== batch) return true
    for (let next = lane.heldBack.peek(); next !== undefined; next = lane.heldBack.peek()) {
      if (next.request.atomic) {
        if (lane.holder === undefined) this.#passOn(lane)
        return true
      }
      if (!this.#fits(next, batch)) return false
      this.#letGo(lane)
      this.#take(next, batch)
    }
    return true
  }

  #holdBack(operation: Operation, lane: Lane): void {
    lane.heldBack.push(operation)
    this.#crowded.add(lane)
    this.#held++
  }

  #letGo(lane: Lane): void {
    lane.heldBack.shift()
    if (!lane.crowded) this.#crowded.delete(lane)
    this.#held--
  }

  #fits(operation: Operation, batch: WriteBatch): boolean {
    const first = batch.operations[0]
    if (first === undefined) return true
    const { writeBatch, batchBytes } = this.#engine.limits
    return (
      batch.operations.length < writeBatch &&
      batch.bytes + operation.bytes <= batchBytes &&
      inSameBatch(first.request, operation.request)
    )
  }

  /** Puts an operation into the batch, unless nobody waits for it any more or its time is over. */
  #take(operation: Operation, batch: WriteBatch): void {
    if (operation.settled || this.#isOver(operation, this.#pacing.late)) {
      batch.trailing.push(operation)
      return
    }
    batch.operations.push(operation)
    if (operation.request.atomic) return
    operation.lanes[0]!.holder = batch
    batch.bytes += operation.bytes
  }

  #isOver(
    operation: Operation,
    reason: (request: ReadRequest | WriteRequest) => KVError | undefined,
  ): boolean {
    if (operation.settled || operation.request.withdrawn) return true
    const error = reason(operation.request)
    if (error === undefined) return false
    this.#settle(operation, error)
    operation.settled = true
    return true
  }

  /** Claims the lanes of a transaction that are free and stands in line in the others; true where all were free. */
  #claim(operation: Operation): boolean {
    for (const lane of operation.lanes) {
      if (lane.holder === undefined && !lane.crowded) lane.holder = operation
      else {
        this.#holdBack(operation, lane)
        operation.blockedBy++
      }
    }
    return operation.blockedBy === 0
  }

  #send(batch: WriteBatch): void {
    this.#inFlight++
    const { observer } = this.#pacing
    const { request } = batch.operations[0]!
    const writes = request.atomic ? request.writes : batch.operations.map(({ write }) => write)
    const due = { deadline: batch.operations.at(-1)!.request.deadline }
    const answer = request.atomic ? this.#engine.commit(writes, due) : this.#engine.write(writes, due)
    ask<readonly (Written | KVError)[]>(answer, results => {
      this.#inFlight--
      if (observer.active && !(results instanceof KVError)) observer.written(writes, results)
      if (results instanceof KVError)
        for (const operation of batch.operations) this.#settle(operation, results)
      else if (request.atomic) for (let i = 0; i < results.length; i++) this.#tell(request, i, results[i]!)
      else for (let i = 0; i < results.length; i++) this.#settle(batch.operations[i]!, results[i]!)
      this.#leave(batch)
      this.#pacing.wake()
    })
  }

  #settle({ request, index }: Operation, result: Written | KVError): void {
    if (request.atomic) for (let i = 0; i < request.writes.length; i++) this.#tell(request, i, result)
    else this.#tell(request, index, result)
  }

  #tell(request: WriteRequest, index: number, result: Written | KVError): void {
    if (!request.withdrawn) request.settle(index, result)
  }

  #leave(batch: WriteBatch): void {
    for (const operation of batch.operations) this.#finish(operation, batch)
    for (const operation of batch.trailing) this.#finish(operation, batch)
  }

  /** Takes an operation out of its lanes and lets in who is next. */
  #finish(operation: Operation, holder: WriteBatch | Operation): void {
    if (operation.readers !== undefined) {
      this.#awaited.delete(operation)
      this.#held -= operation.readers.length
      for (const [request, index] of operation.readers) this.#addRead(request, index)
    }
    for (const lane of operation.lanes) {
      if (lane.last === operation) lane.last = undefined
      lane.pending--
      if (lane.pending === 0) this.#lanes.close(lane)
      else if (lane.holder === holder || lane.holder === operation) {
        lane.holder = undefined
        this.#passOn(lane)
      }
    }
  }

  /** Hands a free lane to what is held back in it: a transaction claims it, single writes wait for the next batch. */
  #passOn(lane: Lane): void {
    if (!lane.crowded) return
    const next = lane.heldBack.peek()!
    if (!next.request.atomic) {
      this.#resumed.push(lane)
      return
    }
    this.#letGo(lane)
    lane.holder = next
    if (--next.blockedBy === 0) this.#unblocked.push(next)
  }
}
