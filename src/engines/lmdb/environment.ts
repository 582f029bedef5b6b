import { mkdirSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { RootDatabase, RootDatabaseOptions } from 'lmdb'
import { KVError } from '../../base/errors.ts'

/** An LMDB database of records by key. */
export type Database = RootDatabase<Buffer, string>

type Open = (path: string, options: RootDatabaseOptions) => Database

/** The longest key lmdb-js takes, in bytes. */
export const MAX_KEY_BYTES = 1978

const databaseOptions: RootDatabaseOptions = {
  encoding: 'binary',
  // Keys are their UTF-8, so that LMDB's order is the order of keys everywhere.
  keyEncoder: {
    writeKey: (key: string, target: Buffer, start: number) => start + target.write(key, start),
    readKey: (source: Buffer, start: number, end: number) => source.toString('utf8', start, end),
  },
  // Also where the name of the folder has a dot.
  noSubdir: false,
  // What travels together is decided above. Besides, when a commit fails, lmdb-js's own batches leave a rejected promise
  // behind that nobody can handle.
  eventTurnBatching: false,
}

/** Loaded when the first store is opened: `lmdb` is an optional dependency. */
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

/** The LMDB environment of a folder, shared by all stores of this process that are open on it. */
export class Environment {
  readonly folder: string
  readonly database: Database
  /** What the stores on one root share, by root. */
  readonly roots: Map<string, unknown> = new Map()
  #users = 0
  #transactions = 0

  private constructor(folder: string, database: Database) {
    this.folder = folder
    this.database = database
  }

  /** Opens the environment in `path`, creating the folder where absent; to be released as often as acquired. */
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
    // A transaction that nobody waits for any more may wait for the lock of another process for as long as that lives.
    if (this.#transactions === 0) await closed
  }

  /**
   * Runs `work` in a write transaction, alone among all processes, and resolves with its result when the transaction
   * is on disk. `work` must throw before it has written anything or not at all: what it wrote is committed.
   */
  async transact<T>(work: () => T): Promise<T> {
    this.#transactions++
    try {
      const committed = this.database.transaction(work)
      // Asked for in the same turn, it is the flush of that transaction. (It stays open where the transaction fails.)
      const flushed = this.database.flushed.then(() => undefined)
      return (await Promise.all([committed, flushed]))[0]
    } catch (error) {
      throw await reasonOf(error)
    } finally {
      this.#transactions--
    }
  }
}

/** lmdb-js rejects with an error that holds a promise of the error. */
async function reasonOf(error: unknown): Promise<unknown> {
  const reason: unknown = error instanceof Error && 'commitError' in error ? error.commitError : error
  try {
    return await reason
  } catch (cause) {
    return cause
  }
}
