import { Queue } from '../base/queue.ts'

/**
 * The order of the operations on one key, from its first unsettled write on: one has its turn, the others wait in line,
 * reads included. A key that is only read has no lane.
 */
export class Lane<W> {
  key = ''
  /** Whose turn it is: an operation, or the batch or round that it is part of. */
  occupant: object | undefined = undefined
  /** The last operation in line that changes the key. */
  last: object | undefined = undefined
  #line: Queue<W> | undefined

  /** Created when first needed: most keys have one write at a time. */
  get line(): Queue<W> {
    this.#line ??= new Queue()
    return this.#line
  }

  get isCrowded(): boolean {
    return this.#line !== undefined && this.#line.length > 0
  }
}

const MAX_SPARE = 8192

/**
 * The lanes of the keys that have one.
 *
 * Lanes are reused: a Map that grows and shrinks leaves its old tables to the garbage collector, which promotes
 * everything they still refer to. With a new lane for every write, that was more than half the cost of a write.
 */
export class Lanes<W> {
  readonly #lanes = new Map<string, Lane<W>>()
  readonly #spare: Lane<W>[] = []

  get size(): number {
    return this.#lanes.size
  }

  get(key: string): Lane<W> | undefined {
    return this.#lanes.get(key)
  }

  open(key: string): Lane<W> {
    const lane = this.#spare.pop() ?? new Lane<W>()
    lane.key = key
    this.#lanes.set(key, lane)
    return lane
  }

  close(lane: Lane<W>): void {
    this.#lanes.delete(lane.key)
    lane.key = ''
    lane.occupant = undefined
    lane.last = undefined
    if (this.#spare.length < MAX_SPARE) this.#spare.push(lane)
  }
}
