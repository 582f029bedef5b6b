import type { Write } from '../engine.ts'
import { Queue } from './queue.ts'
import type { ReadRequest, WriteRequest } from './requests.ts'

/** A write, or the writes of a transaction, on the way to the engine. */
export class Operation {
  readonly request: WriteRequest
  /** Which write of the request; 0 for a transaction. */
  readonly index: number
  readonly lanes: readonly Lane[]
  /** What it takes of the engine's `batchBytes`; 0 for a transaction, which goes alone. */
  readonly bytes: number
  /** Lanes in which others go first; a transaction waits until there is none. */
  blockedBy = 0
  /** Has its result already, and only keeps its place. */
  settled = false
  /** Reads that were asked for after this write, and are sent after it. */
  readers: [request: ReadRequest, index: number][] | undefined

  constructor(request: WriteRequest, index: number, lanes: readonly Lane[], bytes: number) {
    this.request = request
    this.index = index
    this.lanes = lanes
    this.bytes = bytes
  }

  get write(): Write {
    return this.request.writes[this.index]!
  }

  /** Whether others wait for it or go by it, so that it must leave in its turn. */
  get keepsPlace(): boolean {
    return this.readers !== undefined || this.lanes.some(lane => lane.last === this && lane.pending > 1)
  }
}

/** Operations that are in flight together: single writes, each for itself, or one transaction. */
export class WriteBatch {
  readonly operations: Operation[] = []
  /** Operations without a part in it that leave their lanes after it. */
  readonly trailing: Operation[] = []
  bytes = 0
}

/** The unsettled writes of one key: those of one batch are in flight together, later ones are held back, in order. */
export class Lane {
  key = ''
  pending = 0
  /** The batch in flight with writes of this key, or the transaction that has claimed it. */
  holder: WriteBatch | Operation | undefined
  /** The last that was asked for and has not left. */
  last: Operation | undefined
  #heldBack: Queue<Operation> | undefined

  /** Whether operations are held back. */
  get crowded(): boolean {
    return this.#heldBack !== undefined && this.#heldBack.length > 0
  }

  /** Made when first needed: most keys have one write at a time. */
  get heldBack(): Queue<Operation> {
    this.#heldBack ??= new Queue()
    return this.#heldBack
  }
}

const MAX_SPARE = 8192

/**
 * The lanes of the keys that have one.
 *
 * Lanes are used again: a Map that grows and shrinks leaves its old tables to the garbage collector, and what those
 * still name is promoted with them. With a new lane for every write that was more than half of a write's cost.
 */
export class Lanes {
  readonly #lanes = new Map<string, Lane>()
  readonly #spare: Lane[] = []

  get size(): number {
    return this.#lanes.size
  }

  get(key: string): Lane | undefined {
    return this.#lanes.get(key)
  }

  /** The lane of `key`, made where it has none. */
  open(key: string): Lane {
    let lane = this.#lanes.get(key)
    if (lane === undefined) {
      lane = this.#spare.pop() ?? new Lane()
      lane.key = key
      this.#lanes.set(key, lane)
    }
    return lane
  }

  close(lane: Lane): void {
    this.#lanes.delete(lane.key)
    lane.key = ''
    lane.holder = undefined
    lane.last = undefined
    if (this.#spare.length < MAX_SPARE) this.#spare.push(lane)
  }
}
