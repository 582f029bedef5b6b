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

/** The demand of the operator that is subscribing now, if one is. */
export const currentDemand = (): Demand | undefined => current

/** Subscribes `subscriber` to `source`, showing `demand` to the source. */
export function subscribeWithDemand<T>(source: Observable<T>, demand: Demand, subscriber: Subscriber<T>): void {
  const outer = current
  current = demand
  try {
    source.subscribe(subscriber)
  } finally {
    current = outer
  }
}

/** A demand that is opened and closed by its owner. */
export class Gate implements Demand {
  #open = true
  #waiting: (() => void)[] = []

  get open(): boolean {
    return this.#open
  }

  whenOpen(resume: () => void): void {
    this.#waiting.push(resume)
  }

  set(open: boolean): void {
    this.#open = open
    if (!open || this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const resume of waiting) resume()
  }
}
