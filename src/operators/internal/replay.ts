import { KVError } from '../../base/errors.ts'
import type { Taken } from '../../contract/owned-partition.ts'
import type { Access } from '../../store/access.ts'
import { callbackError } from './arguments.ts'
import type { Item, Process } from './batch.ts'
import type { Ring } from './journal.ts'
import type { JournalEntry } from './journal-entry.ts'

/** Of positions at least one was kept as JSON. */
const isSamePosition = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/**
 * What becomes of records that are committed, when they are read again: those of a commit whose outputs were not taken
 * are run again, on what its keys held before; the others have nothing left to do.
 */
export class Replay<T, V, R> {
  readonly #access: Access<V>
  readonly #process: Process<T, V, R>
  readonly #committed: Taken
  readonly #all: boolean
  readonly #pending: JournalEntry[]
  #items: Item<T, V, R>[] = []
  /** The last of the committed records has come. */
  #isDone: boolean

  /**
   * `start` is after what place in the partition the records begin, `committed` how far those of this shard are
   * committed.
   */
  constructor(
    access: Access<V>,
    process: Process<T, V, R>,
    start: number,
    committed: Taken,
    ring: Ring | undefined,
  ) {
    this.#access = access
    this.#process = process
    this.#committed = committed
    this.#all = process.journal?.all === true
    this.#pending = [...(ring?.pending ?? [])]
    this.#isDone = committed.records <= start
  }

  /** Whether there is nothing more to come that is committed. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** What was due at a place, where it is no record's. */
  dueAt(place: number): T | undefined {
    const { due } = this.#process
    const [entry] = this.#pending
    if (due === undefined || entry?.turns === undefined || place <= entry.from) return undefined
    const turn = entry.turns[place - entry.from - 1]
    return turn?.[1] === undefined ? undefined : due.replayed(turn)
  }

  /** Whether some records of a commit have come, and not all. */
  get isRunning(): boolean {
    return this.#items.length > 0
  }

  /**
   * Takes the next record of the shard; returns those whose end is known now: all of a commit once all are there.
   * Throws where it is another than was committed.
   */
  take(item: Item<T, V, R>): readonly Item<T, V, R>[] {
    const { place } = item
    this.#check(item)
    const [entry] = this.#pending
    if (entry === undefined || place <= entry.from) {
      item.end = 'nothing'
      return [item]
    }
    this.#items.push(item)
    if (place < entry.to) return []
    const items = this.#items
    this.#items = []
    this.#pending.shift()
    this.#run(entry, items)
    return items
  }

  /** Where the input gives other records than it did, what is committed cannot be told from what is not. */
  #check({ place, record }: Item<T, V, R>): void {
    this.#isDone = place === this.#committed.records
    const { due } = this.#process
    if (due !== undefined && !due.isRecord(record)) return
    const [entry] = this.#pending
    // The next place of which the position is known.
    const known = entry === undefined ? this.#committed : { records: entry.to, position: entry.position }
    // Behind the last record of a commit there may be what was due.
    const isThere = place === known.records || (due !== undefined && this.#isLast(place, entry))
    const isSame = isThere ? isSamePosition(this.#positionOf(record), known.position) : place < known.records
    if (!isSame) {
      throw new KVError(
        'POSITION_LOST',
        `the input gives other records than before: record ${known.records} of the partition was at ${JSON.stringify(known.position)}`,
        { position: known.position },
      )
    }
  }

  /** Whether no record comes behind this one in its commit. */
  #isLast(place: number, entry: JournalEntry | undefined): boolean {
    const rest = entry?.turns?.slice(place - entry.from)
    return rest !== undefined && place > entry!.from && rest.every(([, key]) => key !== undefined)
  }

  #positionOf(record: T): unknown {
    try {
      return this.#process.positionOf!(record)
    } catch (error) {
      throw callbackError('positionOf', error)
    }
  }

  #run(entry: JournalEntry, items: readonly Item<T, V, R>[]): void {
    const values = new Map<string, V | undefined>()
    items.forEach((item, i) => {
      const turn = entry.turns?.[i]
      if (turn !== undefined) this.#process.due?.restore(item.record, turn)
      item.error = entry.errors.get(i)
      if (item.error === undefined && !this.#all) item.end = 'nothing'
      if (item.error === undefined && this.#all) this.#runItem(entry, item, values)
      if (item.error !== undefined && this.#process.deadLetter === undefined) item.end = 'fatal'
    })
  }

  #runItem({ before }: JournalEntry, item: Item<T, V, R>, values: Map<string, V | undefined>): void {
    const { keyOf, transform, project } = this.#process
    const { record } = item
    let callback = 'keyOf'
    let key: string | undefined
    try {
      key = keyOf(record)
      const bytes = before.get(key)
      const previous = values.has(key) ? values.get(key) : bytes && this.#access.decode(key, bytes)
      callback = 'transform'
      const value = transform(record, previous)
      callback = 'project'
      item.output = project?.(record, value, previous)
      item.value = value
      values.set(key, value)
    } catch (error) {
      // They were pure when the record was committed: they are others now.
      item.error = callbackError(callback, error, key)
    }
  }
}
