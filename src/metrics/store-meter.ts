import { asyncScheduler, type Observable, type SchedulerLike, Subscription } from 'rxjs'
import { timingOf } from '../base/timing.ts'
import type { Status } from '../contract/engine.ts'
import type { AnyStore } from '../store/kv-store.ts'
import { type Observed, observedOf } from '../store/observed-engine.ts'
import { Ledger, type Sums } from './ledger.ts'
import { Series } from './series.ts'
import type { StatusChange, StoreFigures, StoreSnapshot } from './store-snapshot.ts'
import { StoreTally } from './store-tally.ts'
import { Uptime } from './uptime.ts'

/** How many connection states are kept. */
const TIMELINE = 100

interface CacheCounts {
  readonly hits: number
  readonly misses: number
}

/** Options of {@link meterStore}. */
export interface StoreMeterOptions {
  /**
   * The time between snapshots, in milliseconds.
   * @defaultValue 1000
   */
  readonly interval?: number | undefined
  /**
   * Where time comes from; give the scheduler of the store, where it has one.
   * @defaultValue the process's clock, and a timer that does not keep the process alive
   */
  readonly scheduler?: SchedulerLike | undefined
}

/** The figures of a store; made by {@link meterStore}. */
export interface StoreMeter extends Disposable {
  /**
   * Emits a snapshot every `interval`, the same one to all subscribers. When the meter or the store is closed, emits
   * the final one and completes. Later subscribers get the final one.
   */
  readonly snapshots$: Observable<StoreSnapshot>
  /** The figures so far; does not end the interval. */
  snapshot(): StoreSnapshot
  /** Takes the final snapshot and stops observing the store. Idempotent. */
  close(): void
}

class EngineMeter implements StoreMeter {
  readonly snapshots$: Observable<StoreSnapshot>
  readonly #observed: Observed
  readonly #series: Series<StoreSnapshot>
  readonly #ledger: Ledger<StoreTally, StoreFigures>
  readonly #subscriptions = new Subscription()
  #timeline: readonly StatusChange[] = []
  #inFlight = 0
  /** The cache's counts when the interval began. */
  #cacheBefore: CacheCounts

  constructor(observed: Observed, status$: Observable<Status>, { interval, scheduler }: StoreMeterOptions) {
    const { now } = timingOf(scheduler)
    this.#observed = observed
    this.#cacheBefore = this.#cache()
    this.#ledger = new Ledger(
      () => new StoreTally(),
      now,
      (tally, span) => tally.figures(span),
    )
    this.#series = new Series(interval, scheduler, final => this.#take(final))
    this.snapshots$ = this.#series.snapshots$
    this.#series.start()
    this.#observe(status$, now, scheduler ?? asyncScheduler)
  }

  snapshot(): StoreSnapshot {
    if (this.#series.final !== undefined) return this.#series.final
    this.#countCache()
    return this.#snapshot(this.#ledger.read(), false)
  }

  close(): void {
    this.#series.end()
    this.#subscriptions.unsubscribe()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #observe(status$: Observable<Status>, now: () => number, clock: { now(): number }): void {
    const began = now()
    const uptime = new Uptime(status$, now, began)
    this.#ledger.begin(began, time => uptime.until(time))
    this.#subscriptions.add(() => uptime.stop())
    this.#subscriptions.add(
      this.#observed.engine.observe({
        begin: call => {
          const began = now()
          this.#inFlight++
          return outcome => {
            this.#inFlight--
            this.#ledger.current.of(call).ended(call, outcome, now() - began)
          }
        },
      }),
    )
    this.#subscriptions.add(
      status$.subscribe({
        next: status => {
          this.#timeline = [...this.#timeline, { ...status, at: clock.now() }].slice(-TIMELINE)
        },
        complete: () => this.close(),
      }),
    )
  }

  #take(final: boolean): StoreSnapshot {
    this.#countCache()
    this.#cacheBefore = this.#cache()
    return this.#snapshot(this.#ledger.take(), final)
  }

  #countCache(): void {
    const { hits, misses } = this.#cache()
    const { current } = this.#ledger
    current.cacheHits = hits - this.#cacheBefore.hits
    current.cacheMisses = misses - this.#cacheBefore.misses
  }

  #cache(): CacheCounts {
    return { hits: 0, misses: 0, ...this.#observed.cache }
  }

  #snapshot(sums: Sums<StoreFigures>, final: boolean): StoreSnapshot {
    return { ...sums, inFlight: this.#inFlight, timeline: this.#timeline, final }
  }
}

/**
 * Measures a store: its calls to the engine (how often, in which batches, how long each takes, what fails), the hits of
 * its cache, and when it is up. A store without a meter pays nothing.
 *
 * Counts from now until it is closed. The times are those of the engine calls, without the wait before them; {@link
 * measure} shows how long records wait. `INVALID_ARGUMENT` for an invalid interval; `UNSUPPORTED` for a store that
 * `kvStore` did not make.
 *
 * @example
 * ```ts
 * import { from, lastValueFrom } from 'rxjs'
 * import { json, memoryStore, meterStore, processKV } from 'rxkeeper'
 *
 * await using store = memoryStore({ value: json<number>() })
 * using meter = meterStore(store, { interval: 1000 })
 * meter.snapshots$.subscribe(({ interval }) => console.log(`${interval.commits.batchSize} writes a commit`))
 * await lastValueFrom(from(['a', 'b', 'a']).pipe(processKV(store, word => word, (_, count = 0) => count + 1)))
 * console.log(meter.snapshot().total.reads.items) // 2
 * ```
 */
export const meterStore = (store: AnyStore, options: StoreMeterOptions = {}): StoreMeter =>
  new EngineMeter(observedOf(store), store.status$, options)
