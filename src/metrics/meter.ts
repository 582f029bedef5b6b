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
   * The time from snapshot to snapshot, in milliseconds.
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
   * Emits a snapshot every `interval` once the first measured pipeline is subscribed to, the same to all subscribers;
   * when the meter is closed emits the final one and completes. Later subscribers get the final one.
   */
  readonly snapshots$: Observable<Snapshot>
  /** The figures now; the interval goes on. */
  snapshot(): Snapshot
  /** Takes the final snapshot. Pipelines that still run go on unmeasured. Idempotent. */
  close(): void
}

/** Hears of each record that a meter times, with its time in milliseconds. It must not throw. */
export interface RecordObserver {
  processed(time: number): void
  failed(time: number, error: unknown): void
}

/** A meter as {@link measure} writes it. Its time begins with `begin`; what comes after `close` is not counted. */
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

  /** Shows the records that end from now on to `observer`, until unsubscribed. */
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
 * Makes a meter that several measured pipelines share, such as the one pipeline per key of `perKey`.
 *
 * Its time begins when the first of them is subscribed to and ends with `close` (or `using`): only its owner knows
 * when the last has run. `INVALID_ARGUMENT` where the interval is not a time a timer can wait.
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

/** The meter as it is written to; throws `INVALID_ARGUMENT` where it is none of {@link createMeter}. */
export function recordMeterOf(meter: Meter): RecordMeter {
  if (meter instanceof RecordMeter) return meter
  throw new KVError('INVALID_ARGUMENT', '`meter` must be made by createMeter')
}
