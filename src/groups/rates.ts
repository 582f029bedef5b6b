/** A count at a moment, and its rate until then. */
interface Sample {
  readonly count: number
  readonly at: number
  readonly rate: number | undefined
}

/** How fast counts grow, each by a name, over about an interval. */
export class Rates {
  readonly #interval: number
  readonly #samples = new Map<string, Sample>()

  /** `interval` in milliseconds. */
  constructor(interval: number) {
    this.#interval = interval
  }

  /** How much a count grows in a second; `undefined` until an interval has passed. */
  of(name: string, count: number, now: number): number | undefined {
    const last = this.#samples.get(name)
    // Sooner, a few records more or less would make much of a difference; timers come a little early, too.
    if (last !== undefined && now - last.at < this.#interval / 2) return last.rate
    const rate = last && (Math.max(0, count - last.count) / (now - last.at)) * 1000
    this.#samples.set(name, { count, at: now, rate })
    return rate
  }
}
