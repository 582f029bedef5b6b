import { Observable, type Subscriber, type Subscription } from 'rxjs'
import { currentDemand, type Demand } from '../../../base/demand.ts'
import type { KVError } from '../../../base/errors.ts'
import type { Timing } from '../../../base/timing.ts'
import { timeIn } from '../event-time.ts'
import type { DueIndex } from './due-index.ts'
import type { Hint } from './hint.ts'
import { Step } from './step.ts'
import { type EventTime, Watermark } from './watermark.ts'

/** The longest delay of a timer of Node, in milliseconds. */
const MAX_DELAY = 2_147_483_647

/** What says how time goes forward. */
export interface Time<T> {
  /** When a record happened; absent where time is the clock's. */
  readonly timeOf: ((record: T) => number | Date) | undefined
  readonly lateness: number
  /** After how long without a record time goes on with the clock, in milliseconds. */
  readonly idleAfter: number | undefined
  /** The lanes that the records come in, where there are several. */
  readonly lanes: Lanes<T> | undefined
  /** Whether time comes to its end with the source. */
  readonly closeAtEnd: boolean
  readonly timing: Timing
}

/** What a stream is made of: time is as far as in the lane that is furthest behind. */
export interface Lanes<T> {
  readonly count: number
  /** The index of the lane of a record. */
  of(record: T): number
}

/** Makes steps of the records of a stream, and of what is due, in the order of time; one subscription. */
export class Steps<T> {
  readonly #time: Time<T>
  readonly #index: DueIndex | undefined
  /** How many hints are under way at a time. */
  readonly #most: number
  /** Absent where time is the clock's. */
  readonly #watermark: Watermark | undefined
  /** The loop below. */
  loop: { lacksRecords(): boolean } | undefined
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

  constructor(time: Time<T>, index: DueIndex | undefined, before: EventTime | undefined, most: number) {
    this.#time = time
    this.#index = index
    this.#most = most
    this.#now = before?.time ?? Number.NEGATIVE_INFINITY
    const { timeOf, timing, lanes, lateness, idleAfter } = time
    if (timeOf === undefined) return
    this.#watermark = new Watermark({ lateness, idleAfter, lanes: lanes?.count ?? 1 }, before, timing.now())
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
    const isStuck = this.#isCompleting && this.loop?.lacksRecords() === true
    const isLast = this.#isCompleting && this.#watermark === undefined
    if (!isLast) this.#pump(destination)
    const end = this.#isClosing ? Number.MAX_VALUE : this.#now
    // Of what is committed the rest will come again another time.
    const isDone = isLast || isStuck || (this.#underWay === 0 && (this.#index?.isDoneUntil(end) ?? true))
    if (this.#isCompleting && isDone) destination.complete()
  }

  /** A step has come to its end. */
  done({ hint, isReplayed }: Step<T>): void {
    if (isReplayed) return
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
    destination.next(new Step(record, undefined, this.#now, this.#watermark?.kept, failure))
    if (this.#index !== undefined && this.#watermark !== undefined && this.#index.at <= this.#now)
      this.changed()
  }

  #timeAt(record: T): number {
    const { timeOf, lanes, idleAfter, timing } = this.#time
    if (timeOf === undefined) return Math.max(this.#now, timing.date())
    const watermark = this.#watermark!
    // The clock matters only where somebody may be idle.
    const clock = idleAfter === undefined ? 0 : timing.now()
    watermark.heard(timeIn(timeOf, record), lanes?.of(record) ?? 0, clock)
    return watermark.now
  }

  /** Only what is due is left of time. */
  get #isClosing(): boolean {
    return this.#isCompleting && this.#time.closeAtEnd
  }

  /** Time goes on without a record. */
  #goOn(index: DueIndex): void {
    const { idleAfter, timing } = this.#time
    if (this.#watermark === undefined) this.#now = Math.max(this.#now, timing.date())
    else {
      if (this.#isClosing && index.at < Number.POSITIVE_INFINITY) this.#watermark.advance(index.at)
      else if (idleAfter !== undefined) this.#watermark.goOn(timing.now())
      this.#now = this.#watermark.now
    }
  }

  /** Gives out hints that are due, as many as may be under way. */
  #pump(destination: Subscriber<Step<T>>): void {
    const index = this.#index
    if (index === undefined || this.#isPumping || this.#waits()) return
    this.#isPumping = true
    let hints: readonly Hint[]
    do {
      this.#goOn(index)
      const room = this.#most - this.#hints
      // Not one by one, as those before are done.
      hints = room >= this.#most >> 1 ? index.take(this.#now, room) : []
      this.#hints += hints.length
      this.#underWay += hints.length
      const time = this.#watermark?.kept
      for (const hint of hints) {
        destination.next(new Step<T>(undefined, hint, this.#now, time))
        if (destination.closed) return
      }
    } while (this.#isClosing && hints.length > 0)
    this.#isPumping = false
    this.#wakeLater(index.wakeAt)
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
    const left = this.#watermark === undefined ? at - this.#now : this.#watermark.reaches(at) - timing.now()
    const delay = Math.ceil(left)
    // What is due now is being read, or waits for others to be done: that is heard of.
    if (delay > 0 && delay < Number.POSITIVE_INFINITY)
      this.#wake = timing.after(Math.min(delay, MAX_DELAY), () => this.changed())
  }
}
