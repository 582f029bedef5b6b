import { asyncScheduler, Observable, type SchedulerLike, Subject, Subscription } from 'rxjs'
import { wholeNumber } from '../arguments.ts'
import type { Status } from '../engine.ts'
import { timingOf } from '../timing.ts'
import type { Snapshot } from './snapshot.ts'
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

/** What a failure is counted as: the error's `code`, or else its `name`. */
const codeOf = (error: unknown): string => {
  if (typeof error !== 'object' || error === null) return typeof error
  if ('code' in error && typeof error.code === 'string') return error.code
  return 'name' in error && typeof error.name === 'string' ? error.name : 'Error'
}

/** The longest delay of a timer of Node, in milliseconds. */
const MAX_INTERVAL = 2_147_483_647

/** The interval in milliseconds; throws `INVALID_ARGUMENT` where no timer could wait it. */
export const checkInterval = (interval = 1000): number => wholeNumber('interval', interval, 1, MAX_INTERVAL)

/** Calls `work` every `interval` milliseconds; on the process's clock without keeping the process alive. */
function every(interval: number, scheduler: SchedulerLike | undefined, work: () => void): Subscription {
  if (scheduler === undefined || scheduler === asyncScheduler) {
    const timer = setInterval(work, interval).unref()
    return new Subscription(() => clearInterval(timer))
  }
  return scheduler.schedule(function () {
    work()
    if (!this.closed) this.schedule(undefined, interval)
  }, interval)
}

/** A meter as {@link measure} writes it. Its time begins with `begin`; what comes after `close` is not counted. */
export class RecordMeter implements Meter {
  readonly now: () => number
  readonly #options: MeterOptions
  readonly #interval: number
  readonly #snapshots = new Subject<Snapshot>()
  readonly #past = new Tally()
  readonly #current = new Tally()
  #uptime: Uptime | undefined
  #timer: Subscription | undefined
  #began: number | undefined
  #last = { at: 0, up: Number.NaN }
  #inFlight = 0
  #final: Snapshot | undefined

  readonly snapshots$: Observable<Snapshot> = new Observable(subscriber => {
    if (this.#final !== undefined) {
      subscriber.next(this.#final)
      subscriber.complete()
      return
    }
    subscriber.add(this.#snapshots.subscribe(subscriber))
    subscriber.add(() => {
      if (!this.#snapshots.observed) this.#stopTimer()
    })
    this.#startTimer()
  })

  constructor(options: MeterOptions) {
    this.#options = options
    this.#interval = checkInterval(options.interval)
    this.now = timingOf(options.scheduler).now
  }

  begin(): void {
    if (this.#began !== undefined || this.#final !== undefined) return
    this.#began = this.now()
    if (this.#options.store !== undefined) this.#uptime = new Uptime(this.#options.store.status$, this.now)
    this.#last = { at: this.#began, up: this.#up(this.#began) }
    this.#startTimer()
  }

  entered(): void {
    this.#inFlight++
  }

  processed(began: number, now: number, bytes: number): void {
    if (this.#final !== undefined) return
    this.#inFlight--
    this.#current.processed(now - began, bytes)
  }

  failed(began: number, now: number): void {
    if (this.#final !== undefined) return
    this.#inFlight--
    this.#current.failed++
    this.#current.failureTime += now - began
  }

  abandoned(): void {
    if (this.#final !== undefined) return
    this.#inFlight--
    this.#current.abandoned++
  }

  error(error: unknown): void {
    if (this.#final === undefined) this.#current.error(codeOf(error))
  }

  callbackFailed(): void {
    if (this.#final === undefined) this.#current.error('CALLBACK')
  }

  snapshot(): Snapshot {
    if (this.#final !== undefined) return this.#final
    const now = this.#began === undefined ? 0 : this.now()
    const all = new Tally()
    all.add(this.#past)
    all.add(this.#current)
    return this.#read(all, now, this.#up(now), false)
  }

  close(): void {
    if (this.#final !== undefined) return
    this.#final = this.#take(true)
    this.#uptime?.stop()
    this.#snapshots.next(this.#final)
    this.#snapshots.complete()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #up(now: number): number {
    return this.#uptime === undefined ? Number.NaN : this.#uptime.until(now)
  }

  /** Reads the interval and begins the next. */
  #take(final: boolean): Snapshot {
    const now = this.#began === undefined ? 0 : this.now()
    const up = this.#up(now)
    this.#past.add(this.#current)
    const snapshot = this.#read(this.#past, now, up, final)
    this.#current.reset()
    this.#last = { at: now, up }
    return snapshot
  }

  #read(all: Tally, now: number, up: number, final: boolean): Snapshot {
    return {
      total: all.figures(now - (this.#began ?? now), up),
      interval: this.#current.figures(now - this.#last.at, up - this.#last.up),
      inFlight: this.#inFlight,
      final,
    }
  }

  #startTimer(): void {
    if (this.#timer !== undefined || this.#began === undefined || !this.#snapshots.observed) return
    this.#timer = every(this.#interval, this.#options.scheduler, () =>
      this.#snapshots.next(this.#take(false)),
    )
  }

  #stopTimer(): void {
    this.#timer?.unsubscribe()
    this.#timer = undefined
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
