import type { Observable, Subscriber } from 'rxjs'

/**
 * How an operator tells its source when it can take more records.
 *
 * RxJS has no back-pressure, but subscribing is synchronous: while an operator subscribes, any source at the end of a
 * chain of operators can find the operator's demand here, and pause until it is open. Sources that do not look are
 * unaffected.
 */
export interface Demand {
  /** Whether the operator can take another record now. */
  readonly open: boolean
  /** Calls `resume` once, when the demand opens next. */
  whenOpen(resume: () => void): void
}

let current: Demand | undefined

/** The demand of the operator that is currently subscribing, or that a source is currently emitting to. */
export const currentDemand = (): Demand | undefined => current

/** Runs `work` with `demand` as the current one. */
export function withDemand(demand: Demand | undefined, work: () => void): void {
  const outer = current
  current = demand
  try {
    work()
  } finally {
    current = outer
  }
}

/**
 * Subscribes `subscriber` to `source`, with `demand` visible to the source. Anything that is not part of the stream
 * from source to operator (a store call, a sub-pipeline) is subscribed to without a demand, so that no source in it
 * waits for an operator that waits for it.
 */
export function subscribeWithDemand<T>(
  source: Observable<T>,
  demand: Demand | undefined,
  subscriber: Subscriber<T>,
): void {
  withDemand(demand, () => source.subscribe(subscriber))
}

/**
 * The demand of an operator that holds a limited number of records: open while it has free capacity and the operator
 * below it can take more.
 *
 * Once closed, it opens again when a quarter of the capacity is free, so that the source is not woken for each record.
 */
export class Capacity implements Demand {
  /** How many records are held. */
  held = 0
  readonly #limit: number
  readonly #reopenAt: number
  readonly #below: Demand | undefined
  #waiting: (() => void)[] = []
  #waitsForBelow = false
  #shut = false

  constructor(limit: number, below: Demand | undefined) {
    this.#limit = limit
    this.#reopenAt = limit === Number.POSITIVE_INFINITY ? limit : limit - Math.max(1, Math.floor(limit / 4))
    this.#below = below
  }

  get open(): boolean {
    return this.held < this.#limit && !this.#shut && (this.#below === undefined || this.#below.open)
  }

  whenOpen(resume: () => void): void {
    this.#waiting.push(resume)
    this.#wake()
  }

  /** Releases `count` records. */
  release(count: number): void {
    this.held -= count
    if (this.#waiting.length > 0) this.#wake()
  }

  /** Closes it for good. */
  shut(): void {
    this.#shut = true
    this.#waiting = []
  }

  #wake(): void {
    if (this.held > this.#reopenAt || this.#shut) return
    if (this.#below !== undefined && !this.#below.open) {
      if (this.#waitsForBelow) return
      this.#waitsForBelow = true
      this.#below.whenOpen(() => {
        this.#waitsForBelow = false
        this.#wake()
      })
      return
    }
    const waiting = this.#waiting
    this.#waiting = []
    for (const resume of waiting) resume()
  }
}
