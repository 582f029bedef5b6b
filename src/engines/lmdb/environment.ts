import { mkdirSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { RootDatabase, RootDatabaseOptions } from 'lmdb'
import { KVError } from '../../base/errors.ts'

/** An LMDB database of records by key. */
export type Database = RootDatabase<Buffer, string>

type Open = (path: string, options: RootDatabaseOptions) => Database

/** The longest key of lmdb-js, in bytes. */
export const MAX_KEY_BYTES = 1978

const databaseOptions: RootDatabaseOptions = {
  encoding: 'binary',
  // Keys are stored as UTF-8, so that LMDB's order is the order of keys everywhere.
  keyEncoder: {
    writeKey: (key: string, target: Buffer, start: number) => start + target.write(key, start),
    readKey: (source: Buffer, start: number, end: number) => source.toString('utf8', start, end),
  },
  // Without this, lmdb-js takes a name with a dot for a file.
  noSubdir: false,
  // The store does the batching. Besides, when a commit fails, lmdb-js's own batches leave a rejected promise
  // that nobody can handle.
  eventTurnBatching: false,
}

/** Loads `lmdb`, an optional dependency, when the first store is opened. */
function loadLmdb(): Open {
  try {
    return (createRequire(import.meta.url)('lmdb') as { open: Open }).open
  } catch (cause) {
    throw new KVError('UNSUPPORTED', 'the LMDB engine needs the npm package "lmdb": npm install lmdb', {
      cause,
    })
  }
}

const environments = new Map<string, Environment>()

/** The LMDB environment of a folder, shared by all open stores of this process on it. */
export class Environment {
  readonly folder: string
  readonly database: Database
  /** The shared state of the stores on a root, by root. */
  readonly roots: Map<string, unknown> = new Map()
  #users = 0
  #transactions = 0

  private constructor(folder: string, database: Database) {
    this.folder = folder
    this.database = database
  }

  /** Opens the environment in `path`, and creates the folder if needed; must be released as often as acquired. */
  static acquire(path: string): Environment {
    const open = loadLmdb()
    try {
      mkdirSync(path, { recursive: true })
      const folder = realpathSync(path)
      const environment = environments.get(folder) ?? new Environment(folder, open(folder, databaseOptions))
      environments.set(folder, environment)
      environment.#users++
      return environment
    } catch (error) {
      throw KVError.from(error, 'ENGINE', `cannot open the LMDB folder ${path}`)
    }
  }

  /** Closes the environment when nobody else uses it. */
  async release(): Promise<void> {
    if (--this.#users > 0) return
    environments.delete(this.folder)
    const closed = this.database.close()
    // A transaction that was given up may wait for another process's lock as long as that process lives.
    if (this.#transactions === 0) await closed
  }

  /**
   * Runs `work` in a write transaction, exclusive among all processes, and resolves with its result when the
   * transaction is on disk. If `work` throws, it must do so before it writes: whatever it has written is committed.
   */
  async transact<T>(work: () => T): Promise<T> {
    this.#transactions++
    try {
      const committed = this.database.transaction(work)
      // Read in the same turn, this is the flush of that transaction. (It never settles if the transaction fails.)
      const flushed = this.database.flushed.then(() => undefined)
      return (await Promise.all([committed, flushed]))[0]
    } catch (error) {
      throw await reasonOf(error)
    } finally {
      this.#transactions--
    }
  }
}

/** lmdb-js rejects with an error that contains a promise of the actual error. */
async function reasonOf(error: unknown): Promise<unknown> {
  const reason: unknown = error instanceof Error && 'commitError' in error ? error.commitError : error
  try {
    return await reason
  } catch (cause) {
    return cause
  }
}
