import { Observable, type Subscriber, type Subscription } from 'rxjs'
import { currentDemand, type Demand } from '../../../base/demand.ts'
import type { KVError } from '../../../base/errors.ts'
import type { Timing } from '../../../base/timing.ts'
import { timeIn } from '../event-time.ts'
import type { DueIndex } from './due-index.ts'
import { Step } from './step.ts'

/** The longest delay of a timer of Node, in milliseconds. */
const MAX_DELAY = 2_147_483_647

/** What says how time goes forward. */
export interface Time<T> {
  /** When a record happened; absent where time is the clock's. */
  readonly timeOf: ((record: T) => number | Date) | undefined
  readonly lateness: number
  readonly timing: Timing
}

/** Makes steps of the records of a stream, and of what is due, in the order of time; one subscription. */
export class Steps<T> {
  readonly #time: Time<T>
  readonly #index: DueIndex | undefined
  /** How many hints are under way at a time. */
  readonly #most: number
  #now: number
  #hints = 0
  /** Records and hints that are not done. */
  #underWay = 0
  #destination: Subscriber<Step<T>> | undefined
  #demand: Demand | undefined
  #wake: Subscription | undefined
  #isPumping = false
  #isWaiting = false
  #isCompleting = false

  constructor(time: Time<T>, index: DueIndex | undefined, before: number | undefined, most: number) {
    this.#time = time
    this.#index = index
    this.#most = most
    this.#now = before ?? Number.NEGATIVE_INFINITY
  }

  of(source: Observable<T>): Observable<Step<T>> {
    return new Observable(destination => {
      this.#destination = destination
      this.#demand = currentDemand()
      destination.add(() => this.#wake?.unsubscribe())
      destination.add(
        source.subscribe({
          next: record => this.#record(record, destination),
          error: error => destination.error(error),
          complete: () => {
            this.#isCompleting = true
            this.changed()
          },
        }),
      )
    })
  }

  /** Something may be due that was not, or a hint is done. */
  changed(): void {
    const destination = this.#destination
    if (destination === undefined || destination.closed) return
    // By the clock, what is due later stays for the next run; by the records, what is due now is all that will ever be.
    const isLast = this.#isCompleting && this.#time.timeOf === undefined
    if (!isLast) this.#pump(destination)
    const isDone = isLast || (this.#underWay === 0 && (this.#index?.isDoneUntil(this.#now) ?? true))
    if (this.#isCompleting && isDone) destination.complete()
  }

  /** A step has come to its end. */
  done({ hint }: Step<T>): void {
    this.#underWay--
    if (hint !== undefined) this.#hints--
    if (hint !== undefined || this.#isCompleting) this.changed()
  }

  failed(error: KVError): void {
    this.#destination?.error(error)
  }

  #record(record: T, destination: Subscriber<Step<T>>): void {
    let failure: unknown
    try {
      this.#now = this.#timeAt(record)
    } catch (error) {
      failure = error
    }
    this.#underWay++
    destination.next(new Step(record, undefined, this.#now, failure))
    if (this.#index !== undefined && this.#time.timeOf !== undefined && this.#index.at <= this.#now)
      this.changed()
  }

  #timeAt(record: T): number {
    const { timeOf, lateness, timing } = this.#time
    if (timeOf === undefined) return Math.max(this.#now, timing.date())
    return Math.max(this.#now, timeIn(timeOf, record) - lateness)
  }

  /** Gives out hints that are due, as many as may be under way. */
  #pump(destination: Subscriber<Step<T>>): void {
    const index = this.#index
    if (index === undefined || this.#isPumping || this.#waits()) return
    if (this.#time.timeOf === undefined) this.#now = Math.max(this.#now, this.#time.timing.date())
    this.#isPumping = true
    const room = this.#most - this.#hints
    // Not one by one, as those before are done.
    if (room >= this.#most >> 1) {
      const hints = index.take(this.#now, room)
      this.#hints += hints.length
      this.#underWay += hints.length
      for (const hint of hints) {
        destination.next(new Step<T>(undefined, hint, this.#now))
        if (destination.closed) return
      }
    }
    this.#isPumping = false
    if (this.#time.timeOf === undefined) this.#wakeLater(index.wakeAt)
  }

  /** Whether who is below takes no more for now. */
  #waits(): boolean {
    const demand = this.#demand
    if (demand === undefined || demand.open) return false
    if (this.#isWaiting) return true
    this.#isWaiting = true
    demand.whenOpen(() => {
      this.#isWaiting = false
      this.changed()
    })
    return true
  }

  #wakeLater(at: number): void {
    this.#wake?.unsubscribe()
    const { timing } = this.#time
    const delay = Math.ceil(at - this.#now)
    // What is due now is being read, or waits for others to be done: that is heard of.
    if (delay > 0 && delay < Number.POSITIVE_INFINITY)
      this.#wake = timing.after(Math.min(delay, MAX_DELAY), () => this.changed())
  }
}
