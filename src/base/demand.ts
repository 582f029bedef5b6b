import type { Observable, Subscriber } from 'rxjs'

/**
 * How an operator tells the source above it when it can take more.
 *
 * RxJS has no back-pressure, but subscribing is synchronous: while an operator subscribes, whatever source is reached
 * through any chain of operators can find the operator's demand here and hold back until it is open. A source that
 * does not look is not affected.
 */
export interface Demand {
  /** Whether the operator can take another record now. */
  readonly open: boolean
  /** Calls `resume` once, when demand is next open. */
  whenOpen(resume: () => void): void
}

let current: Demand | undefined

/** The demand of the operator that is subscribing now, or that a source which follows it is emitting for. */
export const currentDemand = (): Demand | undefined => current

/** Does `work` with `demand` as the current one. */
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
 * Subscribes `subscriber` to `source`, showing `demand` to the source. Whatever is no part of the stream from source
 * to operator (a store's call, a sub-pipeline) is subscribed to with none, so that no source in it waits for an
 * operator that waits for it.
 */
export function subscribeWithDemand<T>(
  source: Observable<T>,
  demand: Demand | undefined,
  subscriber: Subscriber<T>,
): void {
  withDemand(demand, () => source.subscribe(subscriber))
}

/**
 * The demand of an operator that holds records: open while there is room for more and the operator below can take more.
 *
 * Once closed it opens again when a quarter of the room is free, so that a source is not woken for each record.
 */
export class Intake implements Demand {
  /** How many records were taken in and not released. */
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

  /** Lets `count` records go. */
  release(count: number): void {
    this.held -= count
    if (this.#waiting.length > 0) this.#wake()
  }

  /** Takes no more, ever. */
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
