import { randomUUID } from 'node:crypto'
import { defer, from, type Observable } from 'rxjs'
import { namesOf } from '../contract/nodes.ts'
import type { KVStore } from '../store/kv-store.ts'
import { Changes } from './changes.ts'
import { timeoutOf } from './moveStore.ts'
import { notOfOneMoment, Pause } from './pause.ts'
import { placeOf } from './places.ts'
import { type Place, Side } from './side.ts'

/** A node beside the keys, by which jobs go on where they were. */
export interface SavepointNode {
  /** The names that lead to it. */
  readonly node: readonly string[]
  /** Which of the ensembles of the store it is in, and how many there are. */
  readonly ensemble: number
  readonly of: number
  readonly value: Uint8Array
}

/** A store to which nobody writes. */
export interface PausedStore extends AsyncDisposable {
  readonly store: KVStore<Uint8Array>
  /** What jobs keep beside the keys. */
  nodes(): Promise<readonly SavepointNode[]>
  /**
   * Lets everybody write again, and resolves if nobody has written since it was paused; otherwise fails with
   * `VERSION_CONFLICT`: what was read is not of one moment.
   */
  resume(): Promise<void>
}

/** Options of {@link pauseStore$}. */
export interface PauseOptions {
  /** The URL of the store, as `openStore` takes it. */
  readonly store: string
  /**
   * How long an operation may take, in milliseconds.
   * @defaultValue 60000
   */
  readonly timeout?: number | undefined
}

/**
 * Opens a store and lets nobody else use it until it is resumed, or disposed of: what is read of it meanwhile, keys and
 * positions of jobs, is of one moment, a savepoint. Emits it, and completes.
 *
 * On ZooKeeper others wait meanwhile, each as long as its operations may take; where the process that paused the store dies, until
 * its session has expired. LMDB cannot pause: there it is found out at the end whether somebody has written.
 *
 * Errors: `INVALID_ARGUMENT` for a URL that is none; `MOVED`, and `UNAVAILABLE` while it is moved here; `VERSION_CONFLICT` where
 * somebody else has paused it; `UNSUPPORTED` where the engine can do neither; and what the store fails with.
 *
 * @example
 * ```ts
 * import { mkdtempSync, rmSync } from 'node:fs'
 * import { firstValueFrom } from 'rxjs'
 * import { json, openStore, pauseStore$ } from 'rxkeeper'
 *
 * const folder = mkdtempSync('/tmp/example-')
 * const user = openStore(`lmdb:${folder}`, { value: json<number>() })
 * await firstValueFrom(user.put$('alice', 1))
 * const paused = await firstValueFrom(pauseStore$({ store: `lmdb:${folder}` }))
 * console.log(Buffer.from((await firstValueFrom(paused.store.get$('alice')))!).toString()) // 1
 * await paused.resume()
 * await user.close()
 * rmSync(folder, { recursive: true })
 * ```
 */
export function pauseStore$({ store, timeout }: PauseOptions): Observable<PausedStore> {
  const place = placeOf(store, timeoutOf(timeout))
  return defer(() => from(pause(place)))
}

/** {@link pauseStore$} of a place that is opened in some way. */
export async function pause(place: Place): Promise<PausedStore> {
  const side = new Side(place, randomUUID())
  try {
    const guard: Guard = side.parts.every(({ nodes }) => nodes !== undefined)
      ? new Pause(side)
      : new Quiet(side)
    await guard.begin()
    return new Paused(side, guard)
  } catch (error) {
    await side.store.close()
    throw error
  }
}

/** What sees to it that what is read is of one moment. */
interface Guard {
  begin(): Promise<void>
  end(): Promise<void>
}

class Paused implements PausedStore {
  readonly store: KVStore<Uint8Array>
  readonly #side: Side
  readonly #guard: Guard
  #ended = false

  constructor(side: Side, guard: Guard) {
    this.store = side.store
    this.#side = side
    this.#guard = guard
  }

  async nodes(): Promise<readonly SavepointNode[]> {
    const { parts } = this.#side
    const nodes = await Promise.all(parts.map(part => this.#side.nodes(part)))
    return nodes.flatMap((some, ensemble) =>
      some.map(({ key, value }) => ({ node: namesOf(key), ensemble, of: parts.length, value })),
    )
  }

  async resume(): Promise<void> {
    this.#ended = true
    try {
      await this.#guard.end()
    } finally {
      await this[Symbol.asyncDispose]()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (!this.#ended) await this.#guard.end().catch(() => {})
      this.#ended = true
    } finally {
      await this.store.close()
    }
  }
}

/** Finds out whether somebody wrote. */
class Quiet implements Guard {
  readonly #side: Side
  readonly #changes: Changes
  #gaps = 0
  #nodes = ''

  constructor(side: Side) {
    this.#side = side
    this.#changes = new Changes(side.engine)
  }

  async begin(): Promise<void> {
    await this.#changes.armed(new AbortController().signal)
    this.#gaps = this.#changes.gaps
    this.#nodes = await this.#revisions()
  }

  async end(): Promise<void> {
    const nodes = await this.#revisions()
    this.#changes[Symbol.dispose]()
    if (nodes === this.#nodes && this.#changes.size === 0 && this.#changes.gaps === this.#gaps) return
    throw notOfOneMoment()
  }

  async #revisions(): Promise<string> {
    const nodes = await Promise.all(this.#side.parts.map(part => this.#side.nodes(part)))
    return JSON.stringify(nodes.flat().map(({ key, revision }) => [key, revision]))
  }
}
