import { Observable } from 'rxjs'
import { wholeNumber } from '../base/arguments.ts'
import { KVError } from '../base/errors.ts'
import type { StoredEntry } from '../contract/engine.ts'
import { nodeKey } from '../contract/nodes.ts'
import type { Fence } from '../contract/owned-partition.ts'
import { type Access, accessOf } from '../store/access.ts'
import { claimFence } from '../store/claim.ts'
import { expiryOf } from '../store/header.ts'
import type { KVStore } from '../store/kv-store.ts'
import { drain } from '../store/listing.ts'
import { type Observed, observedOf } from '../store/observed-engine.ts'

/** Options of {@link sweep$}. */
export interface SweepOptions {
  /**
   * From the end of one pass to the begin of the next, in milliseconds.
   * @defaultValue 60000
   */
  readonly every?: number | undefined
}

/** What a pass of {@link sweep$} has come to. */
export interface Sweep {
  /** How many entries were looked at. */
  readonly seen: number
  /** How many were deleted. */
  readonly deleted: number
  /** How long after its time the latest of them was deleted, in milliseconds; 0 where none was. */
  readonly lateness: number
}

/** The node that says who sweeps. */
const NODE = nodeKey('sweeper')

/** How many keys one request deletes at most. */
const CHUNK = 256

/**
 * Deletes values that have expired: looks at all entries of the store, page by page, again and again.
 *
 * Each is deleted on the condition that it was not written again, and that nobody else has begun to sweep: one sweeps at a
 * time, and who begins takes over. (A store over several ensembles is not fenced so.) A store needs it only where values that
 * expire are written by `put$`, `upsertKV`, or `processKV` without a partition: the owner of a partition deletes its own.
 *
 * Emits what each pass has come to; never completes. Ends with `FENCED` when another takes over, and with the store's errors.
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

/** One look at all entries. */
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

  /** Deletes what has expired; what was written again meanwhile is left. */
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
    const isStopped = this.#isStopped
    const goOn = (left: readonly StoredEntry[]): void =>
      this.#delete([...left, ...expired.slice(some.length)], then)
    this.#access.commit(
      some.map(deletion),
      {
        get withdrawn() {
          return isStopped()
        },
        committed: () => {
          for (const entry of some) this.#count(entry)
          goOn([])
        },
        failed: error => {
          const left = some.filter(({ key }) => key !== error.key)
          if (error.code !== 'VERSION_CONFLICT') then(error)
          else if (error.key === fence.node) then(fence.fenced(error))
          // Where it is not known which was written again, all wait for the next pass.
          else goOn(left.length === some.length ? [] : left)
        },
      },
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
      this.#access.write(deletion(entry), {
        get withdrawn() {
          return isStopped()
        },
        written: () => {
          this.#count(entry)
          settled()
        },
        failed: settled,
      })
    }
  }

  #count({ value }: StoredEntry): void {
    this.#deleted++
    this.#lateness = Math.max(this.#lateness, this.#observed.timing.date() - expiryOf(value))
  }
}

const deletion = ({ key, version }: StoredEntry) => ({ type: 'delete', key, ifVersion: version }) as const
