import type { KVError } from '../../base/errors.ts'
import type { Access } from '../../store/access.ts'
import { callbackError } from './arguments.ts'
import type { Process } from './batch.ts'
import type { Journal } from './journal.ts'
import type { JournalEntry } from './journal-entry.ts'

/** Commits, or records between them of which no output is wanted. */
interface Part {
  readonly count: number
  readonly entry: JournalEntry | undefined
}

/** What a record has come to. */
export interface Replayed<T, R> {
  readonly record: T
  readonly output: R | undefined
  readonly error: KVError | undefined
}

/**
 * Runs records again that are committed, and whose outputs were not taken: those of each commit on what its keys held before.
 */
export class Replay<T, V, R> {
  readonly #access: Access<V>
  readonly #process: Process<T, V, R>
  readonly #journal: Journal
  readonly #parts: Part[] = []
  #records: T[] = []

  constructor(access: Access<V>, process: Process<T, V, R>, journal: Journal) {
    this.#access = access
    this.#process = process
    this.#journal = journal
    let at = journal.outputs.taken.records
    for (const entry of journal.pending) {
      if (entry.from > at) this.#parts.push({ count: entry.from - at, entry: undefined })
      this.#parts.push({ count: entry.to - entry.from, entry })
      at = entry.to
    }
    const rest = journal.committed.records - at
    if (rest > 0) this.#parts.push({ count: rest, entry: undefined })
  }

  /** Whether there is nothing to run again, any more. */
  get isDone(): boolean {
    return this.#parts.length === 0
  }

  /** Takes the next record; returns what those of its commit have come to once all are there. */
  next(record: T): readonly Replayed<T, R>[] {
    this.#records.push(record)
    const [part] = this.#parts
    if (this.#records.length < part!.count) return []
    const records = this.#records
    this.#records = []
    this.#parts.shift()
    const { outputs, committed } = this.#journal
    if (part!.entry !== undefined) return this.#run(part!.entry, records)
    if (this.isDone) outputs.add(0, committed)
    return []
  }

  #run(entry: JournalEntry, records: readonly T[]): readonly Replayed<T, R>[] {
    const { errors } = entry
    const { all, outputs } = this.#journal
    const values = new Map<string, V | undefined>()
    const replayed: Replayed<T, R>[] = []
    records.forEach((record, i) => {
      const error = errors.get(i)
      if (error !== undefined) replayed.push({ record, output: undefined, error })
      else if (all) replayed.push(this.#runRecord(entry, record, values))
    })
    outputs.add(replayed.length, { position: entry.position, records: entry.to })
    return replayed
  }

  #runRecord({ before }: JournalEntry, record: T, values: Map<string, V | undefined>): Replayed<T, R> {
    const { keyOf, transform, project } = this.#process
    let callback = 'keyOf'
    let key: string | undefined
    try {
      key = keyOf(record)
      const bytes = before.get(key)
      const previous = values.has(key) ? values.get(key) : bytes && this.#access.decode(key, bytes)
      callback = 'transform'
      const value = transform(record, previous)
      callback = 'project'
      const output = project === undefined ? ([record, value] as R) : project(record, value, previous)
      values.set(key, value)
      return { record, output, error: undefined }
    } catch (error) {
      // They were pure when the record was committed: they are others now.
      return { record, output: undefined, error: callbackError(callback, error, key) }
    }
  }
}
