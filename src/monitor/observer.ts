import { catchError, EMPTY, exhaustMap, interval, type Observable, Subject, Subscription } from 'rxjs'
import { FIGURES_PREFIX } from '../metrics/publish.ts'
import { meterStore, type StoreMeter } from '../metrics/store-meter.ts'
import type { StatusChange } from '../metrics/store-snapshot.ts'
import type { Change, KVStore } from '../store/kv-store.ts'
import { Groups } from './groups.ts'
import { HISTORY, Published } from './published.ts'
import { RecentChanges } from './recent-changes.ts'
import type { Events, Overview, Sample, Tick } from './wire.ts'

/** The time between samples, in milliseconds. */
const TICK = 1_000

/** The shortest time between sending changes, in milliseconds, however many there are. */
const CHANGES_EVERY = 200

/** How often to read a key that nobody writes, in milliseconds, to measure the latency of the store. */
const PROBE_EVERY = 200
const PROBE_KEY = '~probe'
const PROBE_TIMEOUT = 5_000

/** An event for the page. */
export type MonitorEvent = {
  readonly [E in keyof Events]: { readonly type: E; readonly data: Events[E] }
}[keyof Events]

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null)

/** Watches a store for any number of pages: samples, connection states, changes and published figures. */
export class Observer {
  readonly #store: KVStore<Uint8Array>
  readonly #name: string
  readonly #prefix: string
  readonly #started = Date.now()
  readonly #meter: StoreMeter
  readonly #changes = new RecentChanges()
  readonly #published = new Published()
  readonly #groups: Groups
  readonly #events = new Subject<MonitorEvent>()
  readonly #work = new Subscription()
  #history: readonly Sample[] = []
  #timeline: readonly StatusChange[] = []
  #tick: Tick
  #seenBefore = 0
  #failure: string | undefined

  /** @param name the name of the store on the page */
  constructor(store: KVStore<Uint8Array>, name: string, prefix: string) {
    this.#store = store
    this.#name = name
    this.#prefix = prefix
    this.#groups = new Groups(store)
    this.#meter = meterStore(store, { interval: TICK })
    this.#timeline = this.#meter.snapshot().timeline
    const nothing = { at: Date.now(), throughput: null, p50: null, p90: null, p99: null, availability: null }
    this.#tick = {
      at: nothing.at,
      store: nothing,
      availability: null,
      programs: [],
      groups: [],
      keys: this.#changes.keys,
    }
  }

  /** The events for pages that have an {@link overview}; completes when stopped. */
  get events$(): Observable<MonitorEvent> {
    return this.#events
  }

  start(): void {
    const { status$ } = this.#store
    this.#groups.start()
    this.#work.add(status$.subscribe(() => this.#stateChanged()))
    this.#work.add(
      interval(PROBE_EVERY)
        .pipe(
          exhaustMap(() =>
            this.#store.get$(PROBE_KEY, { timeout: PROBE_TIMEOUT }).pipe(catchError(() => EMPTY)),
          ),
        )
        .subscribe(),
    )
    this.#work.add(this.#meter.snapshots$.subscribe(snapshot => this.#sampled(snapshot)))
    this.#follow(this.#prefix, (change, at) => {
      this.#changes.add(change, at, !this.#published.take(change, at))
    })
    if (!FIGURES_PREFIX.startsWith(this.#prefix)) {
      this.#follow(FIGURES_PREFIX, (change, at) => this.#published.take(change, at))
    }
    this.#work.add(
      interval(CHANGES_EVERY).subscribe(() => {
        if (this.#changes.waiting) this.#events.next({ type: 'changes', data: this.#changes.take() })
      }),
    )
  }

  stop(): void {
    this.#work.unsubscribe()
    this.#groups.stop()
    this.#meter.close()
    this.#events.complete()
  }

  overview(): Overview {
    return {
      store: this.#name,
      prefix: this.#prefix,
      started: this.#started,
      tick: this.#tick,
      history: this.#history,
      programHistory: this.#published.history(),
      timeline: this.#timeline,
      changes: this.#changes.overview(),
      failure: this.#failure,
    }
  }

  #follow(prefix: string, take: (change: Change<Uint8Array>, at: number) => void): void {
    this.#work.add(
      this.#store.changes$({ prefix }).subscribe({
        next: change => take(change, Date.now()),
        error: (error: Error) => {
          this.#failure = error.message
          this.#events.next({ type: 'failure', data: error.message })
        },
      }),
    )
  }

  #stateChanged(): void {
    this.#timeline = this.#meter.snapshot().timeline
    this.#events.next({ type: 'timeline', data: this.#timeline })
  }

  #sampled({ interval, total }: ReturnType<StoreMeter['snapshot']>): void {
    const at = Date.now()
    const { percentiles } = interval.reads
    const { seen } = this.#changes
    const store: Sample = {
      at,
      throughput: finite(((seen - this.#seenBefore) * 1000) / interval.elapsed),
      p50: finite(percentiles.p50),
      p90: finite(percentiles.p90),
      p99: finite(percentiles.p99),
      availability: finite(interval.availability),
    }
    this.#seenBefore = seen
    this.#history = [...this.#history, store].slice(-HISTORY)
    this.#tick = {
      at,
      store,
      availability: finite(total.availability),
      programs: this.#published.programs(at),
      groups: this.#groups.latest,
      keys: this.#changes.keys,
    }
    this.#events.next({ type: 'tick', data: this.#tick })
  }
}
