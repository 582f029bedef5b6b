import { defer, from, type Observable } from 'rxjs'
import { namesOf } from '../contract/nodes.ts'
import { ONLOOKER } from '../contract/seal.ts'
import type { KVStore } from '../store/kv-store.ts'
import { Changes } from './changes.ts'
import { timeoutOf } from './moveStore.ts'
import { notOfOneMoment, Pause } from './pause.ts'
import { placeOf } from './places.ts'
import { type Place, Side } from './side.ts'

/** A node beside the keys, from which jobs continue. */
export interface SavepointNode {
  /** The names on its path. */
  readonly node: readonly string[]
  /** The index of its ensemble in the store, and the number of ensembles. */
  readonly ensemble: number
  readonly of: number
  readonly value: Uint8Array
}

/** A paused store, to which nobody can write. */
export interface PausedStore extends AsyncDisposable {
  readonly store: KVStore<Uint8Array>
  /** The nodes of jobs beside the keys. */
  nodes(): Promise<readonly SavepointNode[]>
  /**
   * Ends the pause, and resolves if nobody has written since it began; otherwise rejects with `VERSION_CONFLICT`: what
   * was read is not of one moment.
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
 * Opens a store, and pauses all others until it is resumed or disposed of: the keys and job positions read meanwhile
 * are of one moment, a savepoint. Emits it, and completes.
 *
 * On ZooKeeper, others wait meanwhile, up to the timeouts of their operations; if the process that paused the store
 * dies, until its session has expired. LMDB cannot pause: there, the end shows whether somebody has written.
 *
 * Errors: `INVALID_ARGUMENT` for an invalid URL; `MOVED`, and `UNAVAILABLE` while the store is being moved here;
 * `VERSION_CONFLICT` if somebody else has paused it; `UNSUPPORTED` if the engine can do neither; and the errors of the
 * store.
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

/** {@link pauseStore$} of any place. */
export async function pause(place: Place): Promise<PausedStore> {
  const side = new Side(place, ONLOOKER)
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

/** Makes sure that everything read is of one moment. */
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

/** Detects whether somebody wrote. */
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
