import type { KVError, KVErrorCode } from '../../base/errors.ts'
import type { Fence } from '../../contract/owned-partition.ts'
import type { BytesPut, Mutation } from '../../store/kv-store.ts'
import { callbackError } from './arguments.ts'
import type { Cell } from './cells.ts'
import type { Journal } from './journal.ts'
import type { JournalTurn } from './journal-entry.ts'
import type { DueWrite } from './timers/due-index.ts'

/** What a process loop is to do: the user's functions and options, complete. */
export interface Process<T, V, R> {
  readonly keyOf: (record: T) => string
  readonly transform: (record: T, value: V | undefined) => V | undefined
  /** Where absent, a record with its value is emitted. */
  readonly project: ((record: T, value: V | undefined, previous: V | undefined) => R) | undefined
  readonly unchanged: (before: V, after: V) => boolean
  readonly commitWith: ((records: readonly T[]) => Iterable<Mutation<V> | BytesPut>) | undefined
  /** Of the outputs of the records that have not failed. */
  readonly commitOutputs: ((outputs: readonly R[]) => Iterable<Mutation<V> | BytesPut>) | undefined
  readonly deadLetter: ((letter: { readonly record: T; readonly error: KVError }) => void) | undefined
  readonly commitSize: number
  readonly remember: number
  /** The position of a record, where they are of an owned partition. */
  readonly positionOf: ((record: T) => unknown) | undefined
  /** What its commits carry then, by shards. */
  readonly fences: readonly Fence<unknown>[] | undefined
  /** Where commits leave what it takes to make their outputs again. */
  readonly journal: Journal | undefined
  /** What its commits carry where keys have timers. */
  readonly due: DueCommits<T, V> | undefined
}

/** The part that the index of what is due has in the commits of a process loop. */
export interface DueCommits<T, V> {
  /** Whether it is a record of the stream, and not what is due. */
  isRecord(record: T): boolean
  /** The last of those that are. */
  lastOf(items: readonly Item<T, V, unknown>[]): Item<T, V, unknown> | undefined
  /** A loop begins: what is committed may come again first. */
  begins(loop: { lacksRecords(): boolean }): void
  /** One that was committed has come again, and nothing is to be given out of it. */
  passed(record: T): void
  /** How many outputs, and timers that failed, one has come to that was run. */
  resultsOf(record: T): number
  /** What the journal says of those of a commit. */
  turnsOf(items: readonly Item<T, V, unknown>[]): readonly JournalTurn[]
  /** What was due at a turn that was no record's. */
  replayed(turn: JournalTurn): T
  /** A record has its turn again, as it had it. */
  restore(record: T, turn: JournalTurn): void
  /** What a commit of these does to the index, which leaves these values. */
  write(items: readonly Item<T, V, unknown>[], values: Iterable<V>): DueWrite
  durable(write: DueWrite): void
  /** A commit was not carried out, nor any after it. */
  undone(write: DueWrite): void
}

/**
 * How a record has ended: its output, or what is wrong with it, is to be given out; it has none; it ends the stream.
 */
export type RecordEnd = 'given' | 'nothing' | 'fatal'

/** One record on its way. */
export class Item<T, V, R> {
  readonly record: T
  /** Its place in the stream, or in the partition, from 1. */
  readonly place: number
  /** Absent where the record has no valid key. */
  cell: Cell<V> | undefined
  value: V | undefined
  output: R | undefined
  error: KVError | undefined
  /** The error is final: the record is not run again. */
  rejected = false
  /** Once that is known; absent also of those of a commit, in a single stream, which are given out. */
  end: RecordEnd | undefined

  constructor(record: T, place: number) {
    this.record = record
    this.place = place
  }

  /** Takes no part in the state, now and ever. */
  reject(error: KVError): void {
    this.error = error
    this.rejected = true
  }

  get isLookedUp(): boolean {
    return this.cell === undefined || this.cell.state === 'known' || this.cell.state === 'failed'
  }
}

/** Errors that one record brings on itself. All others end the stream whatever `deadLetter` says. */
const ownErrors: ReadonlySet<KVErrorCode> = new Set([
  'CALLBACK',
  'INVALID_KEY',
  'CODEC',
  'LATE',
  'VALUE_TOO_LARGE',
])

export const isOwn = (error: KVError): boolean => ownErrors.has(error.code)

let commits = 0

/** Records that are run together and sent together, or piece by piece where one commit cannot take them. */
export class Batch<T, V, R> {
  readonly #process: Process<T, V, R>
  readonly items: Item<T, V, R>[]
  /** The first record that is not on its way. */
  from = 0
  /** The end of those that were run; if one is left there, it ends the stream. */
  end = 0
  /** The end of the next commit, at most. */
  cut: number

  constructor(process: Process<T, V, R>, items: Item<T, V, R>[]) {
    this.#process = process
    this.items = items
    this.cut = items.length
    this.#rewind()
    this.#run(undefined)
  }

  /** The record that ends the stream, once those before it are committed. */
  get fatal(): Item<T, V, R> | undefined {
    return this.from === this.end ? this.items[this.end] : undefined
  }

  /** The records that are not on their way, up to `end`. */
  upTo(end: number): readonly Item<T, V, R>[] {
    const { from, items } = this
    return from === 0 && end === items.length ? items : items.slice(from, end)
  }

  /** Gives each key that has a record up to `end` the value that it is to have then; returns these keys' cells. */
  prepare(end: number): Cell<V>[] {
    const commit = ++commits
    const cells: Cell<V>[] = []
    for (let i = this.from; i < end; i++) {
      const { cell, value, error } = this.items[i]!
      if (cell === undefined || error !== undefined) continue
      if (cell.commit !== commit) {
        cell.commit = commit
        cells.push(cell)
      }
      cell.next = value
    }
    return cells
  }

  /** The records up to `end` are on their way. */
  advance(end: number): void {
    this.from = end
    this.cut = this.items.length
  }

  /** The records from `from` on are not on their way after all. */
  takeBack(from: number): void {
    this.from = from
  }

  /** The keys of the records that were run and are not on their way, up to `end`. */
  cells(end: number): Cell<V>[] {
    const cells = new Set<Cell<V>>()
    for (let i = this.from; i < end; i++) {
      const { cell, error } = this.items[i]!
      if (cell !== undefined && error === undefined) cells.add(cell)
    }
    return [...cells]
  }

  /** Runs the records of `cells` again, on what is known of them now. */
  runAgain(cells: ReadonlySet<Cell<V>>): void {
    for (const cell of cells) cell.rewind()
    this.#run(cells)
  }

  /** Takes a record out for good. */
  reject(item: Item<T, V, R>, error: KVError): void {
    item.reject(error)
    this.runAgain(new Set(item.cell === undefined ? [] : [item.cell]))
  }

  /** Brings the commit up to `end` nearer to the record because of which the store refused to write `cell`. */
  isolate(cell: Cell<V>, end: number, error: KVError): void {
    const indices: number[] = []
    for (let i = this.from; i < end; i++) {
      if (this.items[i]!.cell === cell && this.items[i]!.error === undefined) indices.push(i)
    }
    if (indices.length === 1) this.reject(this.items[indices[0]!]!, error)
    else this.cut = indices[Math.ceil(indices.length / 2) - 1]! + 1
  }

  // Not in the constructor: V8 optimises its loop for every batch anew.
  #rewind(): void {
    for (let i = 0; i < this.items.length; i++) this.items[i]!.cell?.rewind()
  }

  #run(only: ReadonlySet<Cell<V>> | undefined): void {
    for (let i = this.from; i < this.items.length; i++) {
      const item = this.items[i]!
      const wasRun = i < this.end
      if (!wasRun || only === undefined || (item.cell !== undefined && only.has(item.cell)))
        this.#runItem(item)
      if (item.error !== undefined && (this.#process.deadLetter === undefined || !isOwn(item.error))) {
        this.end = i
        return
      }
    }
    this.end = this.items.length
  }

  #runItem(item: Item<T, V, R>): void {
    const { cell, record } = item
    if (item.rejected || cell === undefined) return
    item.error = cell.error
    if (item.error !== undefined) return
    const previous = cell.running
    let callback = 'transform'
    try {
      const value = this.#process.transform(record, previous)
      callback = 'project'
      item.output = this.#process.project?.(record, value, previous)
      item.value = value
      cell.running = value
    } catch (error) {
      item.error = callbackError(callback, error, cell.key)
    }
  }
}
