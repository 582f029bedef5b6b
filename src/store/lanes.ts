import { Queue } from '../base/queue.ts'

/**
 * The order of what is asked for of one key, from the first write that is not settled on: one has its turn, the others
 * wait in line, reads among them. A key that is only read has no lane.
 */
export class Lane<W> {
  key = ''
  /** Whose turn it is: an operation, or what it is a part of by now. */
  occupant: object | undefined = undefined
  /** The last that changes the key. */
  last: object | undefined = undefined
  #line: Queue<W> | undefined

  /** Made when first needed: most keys have one write at a time. */
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
 * Lanes are used again: a Map that grows and shrinks leaves its old tables to the garbage collector, and what those
 * still name is promoted with them. With a new lane for every write that was more than half of a write's cost.
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
