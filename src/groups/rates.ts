/** A count at one moment, and the rate up to it. */
interface Sample {
  readonly count: number
  readonly at: number
  readonly rate: number | undefined
}

/** How fast named counts grow, each measured over about one interval. */
export class Rates {
  readonly #interval: number
  readonly #samples = new Map<string, Sample>()

  /** `interval` in milliseconds. */
  constructor(interval: number) {
    this.#interval = interval
  }

  /** The growth of a count per second; `undefined` until one interval has passed. */
  of(name: string, count: number, now: number): number | undefined {
    const last = this.#samples.get(name)
    // Over a shorter time a few records would distort the rate. Half an interval, because timers may fire early.
    if (last !== undefined && now - last.at < this.#interval / 2) return last.rate
    const rate = last && (Math.max(0, count - last.count) / (now - last.at)) * 1000
    this.#samples.set(name, { count, at: now, rate })
    return rate
  }
}
