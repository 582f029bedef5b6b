import { lastValueFrom, type Observable, Subscription } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { KVStore } from '../store/kv-store.ts'
import { checkInterval } from './series.ts'
import type { Snapshot } from './snapshot.ts'
import type { StoreSnapshot } from './store-snapshot.ts'

/** The prefix of the keys under which figures are published; the name follows. */
export const FIGURES_PREFIX = '~figures/'

/** How long removing the published figures may take, in milliseconds. */
const REMOVAL_TIMEOUT = 2_000

/** The figures of one program, as stored. In JSON, an unknown figure is `null`. */
export interface PublishedFigures {
  readonly name: string
  /** When they were written, by `Date.now()`. */
  readonly at: number
  /** The time until the next write, in milliseconds. */
  readonly interval: number
  /** The figures of a meter. */
  readonly records?: Omit<Snapshot, 'final'> | undefined
  /** The figures of a store's meter. */
  readonly store?: Omit<StoreSnapshot, 'final' | 'timeline'> | undefined
}

/** Where figures come from: a meter, a store's meter, or both. */
export interface FiguresSource {
  /** A meter of `createMeter`, or anything else with such snapshots. */
  readonly records?: { readonly snapshots$: Observable<Snapshot> } | undefined
  /** A meter of `meterStore`. */
  readonly store?: { readonly snapshots$: Observable<StoreSnapshot> } | undefined
}

/** Options of {@link publishFigures}. */
export interface PublishOptions {
  /**
   * The shortest time between writes, in milliseconds.
   * @defaultValue 1000
   */
  readonly interval?: number | undefined
  /**
   * Called for each write that fails; the next one is tried nevertheless.
   * @defaultValue failures are ignored
   */
  readonly onError?: ((error: KVError) => void) | undefined
}

/** Figures that are being published, until they are closed. */
export interface Publication extends AsyncDisposable {
  /** The key that they are written to. */
  readonly key: string
  /** Stops writing and removes the key, if the store can still be reached. Idempotent; does not fail. */
  close(): Promise<void>
}

class Publisher implements Publication {
  readonly key: string
  readonly #store: KVStore<unknown>
  readonly #name: string
  readonly #interval: number
  readonly #onError: (error: KVError) => void
  readonly #subscriptions = new Subscription()
  readonly #latest: { records?: PublishedFigures['records']; store?: PublishedFigures['store'] } = {}
  readonly #timer: NodeJS.Timeout
  #fresh = false
  #writing: Promise<unknown> | undefined
  #sources = 0
  #closed: Promise<void> | undefined

  constructor(
    store: KVStore<unknown>,
    name: string,
    { records, store: meter }: FiguresSource,
    options: PublishOptions,
  ) {
    this.key = FIGURES_PREFIX + name
    this.#store = store
    this.#name = name
    this.#interval = checkInterval(options.interval)
    this.#onError = options.onError ?? (() => {})
    this.#timer = setInterval(() => this.#write(), this.#interval).unref()
    this.#follow(records?.snapshots$, ({ total, interval, inFlight }) => {
      this.#latest.records = { total, interval, inFlight }
    })
    this.#follow(meter?.snapshots$, ({ total, interval, inFlight }) => {
      this.#latest.store = { total, interval, inFlight }
    })
    this.#subscriptions.add(store.status$.subscribe({ complete: () => void this.close() }))
  }

  close(): Promise<void> {
    this.#closed ??= this.#remove()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #follow<S>(snapshots$: Observable<S> | undefined, take: (snapshot: S) => void): void {
    if (snapshots$ === undefined) return
    this.#sources++
    const ended = (): void => {
      if (--this.#sources === 0) void this.close()
    }
    this.#subscriptions.add(
      snapshots$.subscribe({
        next: snapshot => {
          take(snapshot)
          this.#fresh = true
        },
        error: ended,
        complete: ended,
      }),
    )
  }

  /** Writes the latest figures, unless the previous write is still in flight: writes never queue up. */
  #write(): void {
    if (!this.#fresh || this.#writing !== undefined) return
    this.#fresh = false
    const figures: PublishedFigures = {
      name: this.#name,
      at: Date.now(),
      interval: this.#interval,
      ...this.#latest,
    }
    this.#writing = lastValueFrom(this.#store.put$(this.key, figures))
      .catch(error =>
        this.#onError(KVError.from(error, 'ENGINE', 'figures could not be published', this.key)),
      )
      .finally(() => {
        this.#writing = undefined
      })
  }

  async #remove(): Promise<void> {
    clearInterval(this.#timer)
    this.#subscriptions.unsubscribe()
    await this.#writing
    await lastValueFrom(this.#store.delete$(this.key, { timeout: REMOVAL_TIMEOUT })).catch(() => {})
  }
}

/**
 * Publishes figures in a store, for `rxkeeper monitor` to show: one value under the key `~figures/NAME`, rewritten
 * every `interval`, and removed when the publication, the meters or the store are closed. The figures of a program that
 * was killed are shown as out of date.
 *
 * Give each process a name of its own. The store's codec must take plain objects, as `json` does (otherwise `onError`
 * gets `CODEC`). Whoever reads all keys of the store reads this one, too. A failed write is not repeated, and does not
 * affect the measured pipeline. Throws `INVALID_ARGUMENT` for an invalid interval, and where there is nothing to
 * publish.
 *
 * @example
 * ```ts
 * import { from, lastValueFrom } from 'rxjs'
 * import { createMeter, json, measure, memoryStore, meterStore, processKV, publishFigures } from 'rxkeeper'
 *
 * await using store = memoryStore({ value: json<number>() })
 * using records = createMeter({ store })
 * await using published = publishFigures(store, 'words', { records, store: meterStore(store) })
 * const counted$ = from(['a', 'b', 'a']).pipe(
 *   measure(processKV(store, (word: string) => word, (_, count = 0) => count + 1), { meter: records }),
 * )
 * await lastValueFrom(counted$)
 * console.log(published.key) // ~figures/words
 * ```
 */
export function publishFigures<V>(
  store: KVStore<V>,
  name: string,
  source: FiguresSource,
  options: PublishOptions = {},
): Publication {
  if (source.records === undefined && source.store === undefined) {
    throw new KVError('INVALID_ARGUMENT', '`source` must have `records`, `store` or both')
  }
  // A codec that cannot encode the figures fails with each write.
  return new Publisher(store as KVStore<unknown>, name, source, options)
}
