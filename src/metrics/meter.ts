import type { Observable, SchedulerLike, Unsubscribable } from 'rxjs'
import { KVError } from '../base/errors.ts'
import { timingOf } from '../base/timing.ts'
import type { Status } from '../contract/engine.ts'
import { Ledger, type Sums } from './ledger.ts'
import { Series } from './series.ts'
import type { Figures, Snapshot } from './snapshot.ts'
import { Tally } from './tally.ts'
import { Uptime } from './uptime.ts'

/** Options of {@link createMeter} and {@link measure}. */
export interface MeterOptions {
  /**
   * The store whose `status$` gives the availability.
   * @defaultValue none: the availability is `NaN`
   */
  readonly store?: { readonly status$: Observable<Status> } | undefined
  /**
   * The time between snapshots, in milliseconds.
   * @defaultValue 1000
   */
  readonly interval?: number | undefined
  /**
   * Where time comes from; give a `TestScheduler` to test on virtual time.
   * @defaultValue the process's clock, and a timer that does not keep the process alive
   */
  readonly scheduler?: SchedulerLike | undefined
}

/** The figures of one measured pipeline, or of several that share it; made by {@link createMeter}. */
export interface Meter extends Disposable {
  /**
   * Emits a snapshot every `interval` once the first measured pipeline is subscribed to, the same one to all
   * subscribers. When the meter is closed, emits the final one and completes. Later subscribers get the final one.
   */
  readonly snapshots$: Observable<Snapshot>
  /** The figures so far; does not end the interval. */
  snapshot(): Snapshot
  /** Takes the final snapshot. Pipelines that are still running go on unmeasured. Idempotent. */
  close(): void
}

/** Called for each record that a meter times, with its time in milliseconds. It must not throw. */
export interface RecordObserver {
  processed(time: number): void
  failed(time: number, error: unknown): void
}

/**
 * The side of a meter that {@link measure} writes to. Its clock starts with `begin`; nothing is counted after `close`.
 */
export class RecordMeter implements Meter {
  readonly now: () => number
  readonly snapshots$: Observable<Snapshot>
  readonly #store: MeterOptions['store']
  readonly #series: Series<Snapshot>
  readonly #ledger: Ledger<Tally, Figures>
  #uptime: Uptime | undefined
  #observers: readonly RecordObserver[] = []
  #inFlight = 0
  #closed = false

  constructor({ store, interval, scheduler }: MeterOptions) {
    this.now = timingOf(scheduler).now
    this.#store = store
    this.#ledger = new Ledger(
      () => new Tally(),
      this.now,
      (tally, span) => tally.figures(span),
    )
    this.#series = new Series(interval, scheduler, final => this.#snapshot(this.#ledger.take(), final))
    this.snapshots$ = this.#series.snapshots$
  }

  /** Passes the records that end from now on to `observer`, until unsubscribed. */
  observe(observer: RecordObserver): Unsubscribable {
    this.#observers = [...this.#observers, observer]
    return {
      unsubscribe: () => {
        this.#observers = this.#observers.filter(other => other !== observer)
      },
    }
  }

  begin(): void {
    if (this.#ledger.begun || this.#closed) return
    const now = this.now()
    const uptime = this.#store && new Uptime(this.#store.status$, this.now, now)
    this.#uptime = uptime
    this.#ledger.begin(now, uptime && (time => uptime.until(time)))
    this.#series.start()
  }

  entered(): void {
    this.#inFlight++
  }

  processed(began: number, now: number, bytes: number): void {
    if (this.#closed) return
    this.#inFlight--
    const time = now - began
    this.#ledger.current.processed(time, bytes)
    for (const observer of this.#observers) observer.processed(time)
  }

  failed(began: number, now: number, error: unknown): void {
    if (this.#closed) return
    this.#inFlight--
    const time = now - began
    this.#ledger.current.failure(time)
    for (const observer of this.#observers) observer.failed(time, error)
  }

  abandoned(): void {
    if (this.#closed) return
    this.#inFlight--
    this.#ledger.current.abandoned++
  }

  error(error: unknown): void {
    if (!this.#closed) this.#ledger.current.errors.count(error)
  }

  snapshot(): Snapshot {
    return this.#series.final ?? this.#snapshot(this.#ledger.read(), false)
  }

  close(): void {
    this.#closed = true
    this.#series.end()
    this.#uptime?.stop()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #snapshot(sums: Sums<Figures>, final: boolean): Snapshot {
    return { ...sums, inFlight: this.#inFlight, final }
  }
}

/**
 * Makes a meter that several measured pipelines share, such as the pipelines of `perKey`, one per key.
 *
 * Its clock starts when the first of them is subscribed to and ends with `close` (or `using`), since only its owner
 * knows when the last one has ended. `INVALID_ARGUMENT` for an interval that no timer can wait.
 *
 * @example
 * ```ts
 * import { from, lastValueFrom, map } from 'rxjs'
 * import { createMeter, measure } from 'rxkeeper'
 *
 * using meter = createMeter({ interval: 500 })
 * meter.snapshots$.subscribe(({ interval }) => console.log(`${interval.throughput} records/s`))
 * await lastValueFrom(from([1, 2, 3]).pipe(measure(map(x => x * 2), meter)))
 * console.log(meter.snapshot().total.records) // 3
 * ```
 */
export const createMeter = (options: MeterOptions = {}): Meter => new RecordMeter(options)

/** The writable side of a meter; throws `INVALID_ARGUMENT` unless {@link createMeter} made it. */
export function recordMeterOf(meter: Meter): RecordMeter {
  if (meter instanceof RecordMeter) return meter
  throw new KVError('INVALID_ARGUMENT', '`meter` must be made by createMeter')
}
