import type { Delay } from './departure.ts'

/** An airport, and the departures that count. */
export interface Ranked extends Delay {
  readonly airport: string
}

/** The most minutes first; of as many the airports by name. */
const compare = (a: Ranked, b: Ranked): number =>
  b.minutes - a.minutes || (a.airport < b.airport ? -1 : a.airport > b.airport ? 1 : 0)

/** Airports in the order of their delay. An airport that changes moves to its new place; nothing is sorted again. */
export class Ranking {
  readonly #order: Ranked[] = []
  readonly #byAirport = new Map<string, Ranked>()

  /** Adds to what an airport has; takes away what is negative. */
  add(airport: string, { flights, minutes }: Delay, sign: 1 | -1): void {
    const before = this.#byAirport.get(airport)
    if (before !== undefined) this.#order.splice(this.#placeOf(before), 1)
    const after = {
      airport,
      flights: (before?.flights ?? 0) + sign * flights,
      minutes: (before?.minutes ?? 0) + sign * minutes,
    }
    if (after.flights === 0) {
      this.#byAirport.delete(airport)
    } else {
      this.#byAirport.set(airport, after)
      this.#order.splice(this.#placeOf(after), 0, after)
    }
  }

  top(count: number): readonly Ranked[] {
    return this.#order.slice(0, count)
  }

  /** Where an airport is, or belongs. */
  #placeOf(ranked: Ranked): number {
    let from = 0
    let to = this.#order.length
    while (from < to) {
      const middle = (from + to) >> 1
      if (compare(this.#order[middle]!, ranked) < 0) from = middle + 1
      else to = middle
    }
    return from
  }
}
