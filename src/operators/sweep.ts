import { Observable } from 'rxjs'
import { wholeNumber } from '../base/arguments.ts'
import { KVError } from '../base/errors.ts'
import type { StoredEntry } from '../contract/engine.ts'
import { nodeKey } from '../contract/nodes.ts'
import type { Fence } from '../contract/owned-partition.ts'
import { type Access, accessOf } from '../store/access.ts'
import { CommitBy, WriteBy } from '../store/asked.ts'
import { claimFence } from '../store/claim.ts'
import { expiryOf } from '../store/header.ts'
import type { KVStore } from '../store/kv-store.ts'
import { drain } from '../store/listing.ts'
import { type Observed, observedOf } from '../store/observed-engine.ts'

/** Options of {@link sweep$}. */
export interface SweepOptions {
  /**
   * The pause between two passes, in milliseconds.
   * @defaultValue 60000
   */
  readonly every?: number | undefined
}

/** The result of a pass of {@link sweep$}. */
export interface Sweep {
  /** How many entries it read. */
  readonly seen: number
  /** How many entries it deleted. */
  readonly deleted: number
  /** The longest delay between expiry and deletion, in milliseconds; 0 if it deleted none. */
  readonly lateness: number
}

/** The node that records who sweeps. */
const NODE = nodeKey('sweeper')

/** The most keys that one request deletes. */
const CHUNK = 256

/**
 * Deletes expired values: reads all entries of the store, page by page, again and again.
 *
 * Each is deleted on the condition that it was not written again, and that nobody else has started to sweep: one
 * process sweeps at a time, and a new one takes over. (Over several ensembles there is no such fence.) A store needs
 * this only for expiring values written by `put$`, `upsertKV`, or `processKV` without a partition: the owner of a
 * partition deletes its own.
 *
 * Emits the result of each pass; never completes. Fails with `FENCED` when another process takes over, and with the
 * store's errors.
 *
 * @example
 * ```ts
 * import { firstValueFrom } from 'rxjs'
 * import { json, memoryStore, sweep$ } from 'rxkeeper'
 *
 * const store = memoryStore({ value: json<string>() })
 * await firstValueFrom(store.put$('session', 'ann', { expireAfter: 60_000 }))
 * console.log((await firstValueFrom(sweep$(store))).deleted) // 0
 * ```
 */
export function sweep$<V>(store: KVStore<V>, { every = 60_000 }: SweepOptions = {}): Observable<Sweep> {
  wholeNumber('every', every, 1, 2_147_483_647)
  const access = accessOf(store)
  const observed = observedOf(store)
  const isFenced = observed.engine.keepsNodes && observed.engine.parts === undefined
  return new Observable(subscriber => {
    const begin = (fence: Fence<unknown> | undefined): void => {
      const pass = new Pass(access, observed, fence, () => subscriber.closed)
      pass.run(end => {
        if (subscriber.closed) return
        if (end instanceof KVError) {
          subscriber.error(end)
          return
        }
        subscriber.next(end)
        subscriber.add(observed.timing.after(every, () => begin(fence)))
      })
    }
    if (!isFenced) begin(undefined)
    else
      claimFence(
        access,
        NODE,
        'sweeper',
        () => subscriber.closed,
        end => {
          if (end instanceof KVError) subscriber.error(end)
          else begin(end)
        },
      )
  })
}

/** One pass over all entries. */
class Pass<V> {
  readonly #access: Access<V>
  readonly #observed: Observed
  readonly #fence: Fence<unknown> | undefined
  readonly #isStopped: () => boolean
  #seen = 0
  #deleted = 0
  #lateness = 0

  constructor(
    access: Access<V>,
    observed: Observed,
    fence: Fence<unknown> | undefined,
    isStopped: () => boolean,
  ) {
    this.#access = access
    this.#observed = observed
    this.#fence = fence
    this.#isStopped = isStopped
  }

  run(then: (end: Sweep | KVError) => void): void {
    const { engine, timing, timeout } = this.#observed
    const scan = engine.entries({})
    let isDeleting = false
    let resume = (): void => {}
    const end = (result: Sweep | KVError): void => {
      scan.close()
      then(result)
    }
    drain(
      scan,
      { timing, timeout },
      {
        waits: go => {
          resume = go
          return isDeleting
        },
        page: entries => {
          this.#seen += entries.length
          const expired = entries.filter(({ value }) => expiryOf(value) <= timing.date())
          isDeleting = expired.length > 0
          if (isDeleting) {
            this.#delete(expired, error => {
              isDeleting = false
              if (error !== undefined) end(error)
              else resume()
            })
          }
          return !this.#isStopped()
        },
        end: () => end({ seen: this.#seen, deleted: this.#deleted, lateness: this.#lateness }),
        error: end,
      },
    )
  }

  /** Deletes expired entries, except those written again meanwhile. */
  #delete(expired: readonly StoredEntry[], then: (error: KVError | undefined) => void): void {
    if (expired.length === 0) then(undefined)
    else if (this.#fence === undefined) this.#deleteEach(expired, then)
    else this.#deleteFenced(this.#fence, expired, then)
  }

  #deleteFenced(
    fence: Fence<unknown>,
    expired: readonly StoredEntry[],
    then: (error: KVError | undefined) => void,
  ): void {
    const some = expired.slice(0, CHUNK)
    const goOn = (left: readonly StoredEntry[]): void =>
      this.#delete([...left, ...expired.slice(some.length)], then)
    this.#access.commit(
      some.map(deletion),
      new CommitBy(
        this.#isStopped,
        () => {
          for (const entry of some) this.#count(entry)
          goOn([])
        },
        error => {
          const left = some.filter(({ key }) => key !== error.key)
          if (error.code !== 'VERSION_CONFLICT') then(error)
          else if (error.key === fence.node) then(fence.fenced(error))
          // If it is unknown which one was written again, all wait for the next pass.
          else goOn(left.length === some.length ? [] : left)
        },
      ),
      { nodes: [{ type: 'check', key: fence.node, ifVersion: fence.version }] },
    )
  }

  #deleteEach(expired: readonly StoredEntry[], then: (error: KVError | undefined) => void): void {
    const isStopped = this.#isStopped
    let left = expired.length
    let failure: KVError | undefined
    const settled = (error?: KVError): void => {
      if (error !== undefined && error.code !== 'VERSION_CONFLICT') failure ??= error
      if (--left === 0) then(failure)
    }
    for (const entry of expired) {
      const written = (): void => {
        this.#count(entry)
        settled()
      }
      this.#access.write(deletion(entry), new WriteBy(isStopped, written, settled))
    }
  }

  #count({ value }: StoredEntry): void {
    this.#deleted++
    this.#lateness = Math.max(this.#lateness, this.#observed.timing.date() - expiryOf(value))
  }
}

const deletion = ({ key, version }: StoredEntry) => ({ type: 'delete', key, ifVersion: version }) as const
