import { asyncScheduler, Observable, type SchedulerLike, Subject, Subscription } from 'rxjs'
import { wholeNumber } from '../base/arguments.ts'

/** The longest delay of a Node timer, in milliseconds. */
const MAX_INTERVAL = 2_147_483_647

/** The interval in milliseconds; throws `INVALID_ARGUMENT` for one that no timer can wait. */
export const checkInterval = (interval = 1000): number => wholeNumber('interval', interval, 1, MAX_INTERVAL)

/** Calls `work` every `interval` milliseconds; a timer of the process's clock does not keep the process alive. */
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

/** The snapshots of a meter: one every interval while it runs and has subscribers, and a final one. */
export class Series<S> {
  readonly #interval: number
  readonly #scheduler: SchedulerLike | undefined
  readonly #take: (final: boolean) => S
  readonly #subject = new Subject<S>()
  #timer: Subscription | undefined
  #running = false
  #final: { readonly snapshot: S } | undefined

  readonly snapshots$: Observable<S> = new Observable(subscriber => {
    if (this.#final !== undefined) {
      subscriber.next(this.#final.snapshot)
      subscriber.complete()
      return
    }
    subscriber.add(this.#subject.subscribe(subscriber))
    subscriber.add(() => {
      if (!this.#subject.observed) this.#stopTimer()
    })
    this.#startTimer()
  })

  /** @param take takes a snapshot, which ends the interval */
  constructor(
    interval: number | undefined,
    scheduler: SchedulerLike | undefined,
    take: (final: boolean) => S,
  ) {
    this.#interval = checkInterval(interval)
    this.#scheduler = scheduler
    this.#take = take
  }

  get final(): S | undefined {
    return this.#final?.snapshot
  }

  get ended(): boolean {
    return this.#final !== undefined
  }

  start(): void {
    this.#running = true
    this.#startTimer()
  }

  end(): void {
    if (this.#final !== undefined) return
    const snapshot = this.#take(true)
    this.#final = { snapshot }
    this.#subject.next(snapshot)
    this.#subject.complete()
  }

  #startTimer(): void {
    if (this.#timer !== undefined || !this.#running || !this.#subject.observed) return
    this.#timer = every(this.#interval, this.#scheduler, () => this.#subject.next(this.#take(false)))
  }

  #stopTimer(): void {
    this.#timer?.unsubscribe()
    this.#timer = undefined
  }
}
