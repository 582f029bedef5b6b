/** Counts and times over a span of time. */
export interface Tallied<T> {
  add(other: T): void
  reset(): void
}

/** The length of a span in milliseconds, and how much of it the store was up. */
export interface Span {
  readonly elapsed: number
  readonly up: number
}

/** The same figures since the start, and since they were last taken. */
export interface Sums<F> {
  readonly total: F
  readonly interval: F
}

/** Keeps counts per interval and since the start, with the time of both. Its clock starts with `begin`. */
export class Ledger<T extends Tallied<T>, F> {
  /** The counts of the current interval. */
  readonly current: T
  readonly #past: T
  readonly #newTally: () => T
  readonly #now: () => number
  readonly #figures: (tally: T, span: Span) => F
  #up: (time: number) => number = () => Number.NaN
  #began: number | undefined
  #last = { at: 0, up: Number.NaN }

  constructor(newTally: () => T, now: () => number, figures: (tally: T, span: Span) => F) {
    this.#newTally = newTally
    this.#now = now
    this.#figures = figures
    this.current = newTally()
    this.#past = newTally()
  }

  get begun(): boolean {
    return this.#began !== undefined
  }

  /** @param up how many milliseconds the store has been up from now until a given time */
  begin(now: number, up: ((time: number) => number) | undefined): void {
    this.#began = now
    if (up !== undefined) {
      this.#up = up
      this.#last.up = 0
    }
    this.#last.at = now
  }

  /** Reads the figures; the interval goes on. */
  read(): Sums<F> {
    const all = this.#newTally()
    all.add(this.#past)
    all.add(this.current)
    const now = this.#time()
    return this.#sums(all, now, this.#up(now))
  }

  /** Reads the figures, ends the interval and begins the next. */
  take(): Sums<F> {
    const now = this.#time()
    const up = this.#up(now)
    this.#past.add(this.current)
    const sums = this.#sums(this.#past, now, up)
    this.current.reset()
    this.#last = { at: now, up }
    return sums
  }

  #time(): number {
    return this.#began === undefined ? 0 : this.#now()
  }

  #sums(all: T, now: number, up: number): Sums<F> {
    return {
      total: this.#figures(all, { elapsed: now - (this.#began ?? now), up }),
      interval: this.#figures(this.current, { elapsed: now - this.#last.at, up: up - this.#last.up }),
    }
  }
}
