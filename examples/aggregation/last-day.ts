import { HOUR, type Hour } from './departure.ts'
import { type Ranked, Ranking } from './ranking.ts'

/** How many hours count, and so how many the store has to keep. */
export const HOURS = 24

/** The airports with the most delay in the last day. */
export interface Top {
  /** The end of that day, in milliseconds: of the newest hour that has a flight. Absent where there is none. */
  readonly until: number | undefined
  readonly airports: readonly Ranked[]
}

/**
 * What counts of the hours in the store: those within a day before the newest. Of a quiet airport the store still has
 * older ones, since nothing took their place.
 */
export class LastDay {
  readonly #ranking = new Ranking()
  readonly #hours = new Map<string, Hour>()
  /** The same by their start. */
  readonly #byStart = new Map<number, Map<string, Hour>>()
  #newest = Number.NEGATIVE_INFINITY

  /** Takes what a key of the store holds now; `undefined` where it was deleted. */
  set(storeKey: string, hour: Hour | undefined): void {
    const before = this.#hours.get(storeKey)
    if (before !== undefined) this.#remove(storeKey, before)
    if (hour !== undefined) this.#insert(storeKey, hour)
  }

  top(count: number): Top {
    const until = this.#hours.size === 0 ? undefined : this.#newest + HOUR
    return { until, airports: this.#ranking.top(count) }
  }

  #insert(storeKey: string, hour: Hour): void {
    this.#hours.set(storeKey, hour)
    if (hour.start > this.#newest) this.#moveTo(hour.start)
    const others = this.#byStart.get(hour.start)
    if (others === undefined) this.#byStart.set(hour.start, new Map([[storeKey, hour]]))
    else others.set(storeKey, hour)
    if (this.#counts(hour.start)) this.#ranking.add(hour.key, hour.value, 1)
  }

  #remove(storeKey: string, hour: Hour): void {
    if (this.#counts(hour.start)) this.#ranking.add(hour.key, hour.value, -1)
    this.#hours.delete(storeKey)
    const others = this.#byStart.get(hour.start)!
    others.delete(storeKey)
    if (others.size > 0) return
    this.#byStart.delete(hour.start)
    // Back, where the state is being deleted.
    if (hour.start === this.#newest) this.#moveTo(Math.max(...this.#byStart.keys()))
  }

  /** Once an hour of the flights, not once a change. */
  #moveTo(newest: number): void {
    const before = this.#newest
    this.#newest = newest
    for (const [start, hours] of this.#byStart) {
      const counts = this.#counts(start)
      if (counts === this.#counts(start, before)) continue
      for (const { key, value } of hours.values()) this.#ranking.add(key, value, counts ? 1 : -1)
    }
  }

  #counts(start: number, newest: number = this.#newest): boolean {
    return start > newest - HOURS * HOUR
  }
}
