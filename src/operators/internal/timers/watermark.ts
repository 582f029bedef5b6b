import type { DueState } from '../../../contract/owned-partition.ts'

/** What is kept of a watermark. */
export type EventTime = Pick<DueState, 'time' | 'lanes'>

/** How event time goes forward. */
export interface WatermarkOptions {
  /** How much older than the newest record of its lane a record may be that is not late, in milliseconds. */
  readonly lateness: number
  /** After how long without a record, by the clock, a lane holds nothing back any more, in milliseconds. */
  readonly idleAfter: number | undefined
  /** How many lanes the records come in. */
  readonly lanes: number
}

/**
 * How far event time has come: no record that is older is waited for. It is the time of the newest record less `lateness`; of
 * several lanes, that of the lane which is furthest behind, though not of one that is idle. When all are idle, it goes on with
 * the clock. It never goes back.
 */
export class Watermark {
  /** In milliseconds. */
  now: number
  readonly #options: WatermarkOptions
  /** Of each lane: the time of its newest record, and when that came, by the clock. */
  readonly #newest: number[]
  readonly #heard: number[]
  #kept: EventTime = {}

  /** Goes on from where it was `before`, if it was anywhere; `clock` says when this begins. */
  constructor(options: WatermarkOptions, before: EventTime | undefined, clock: number) {
    this.#options = options
    this.now = before?.time ?? Number.NEGATIVE_INFINITY
    // By the clock it may have come further than any record.
    const furthest = this.now + options.lateness
    const newest = before?.lanes?.map(time => time ?? Number.NEGATIVE_INFINITY)
    if (newest === undefined) this.#newest = new Array(options.lanes).fill(furthest)
    else {
      const first = newest.indexOf(Math.max(...newest))
      this.#newest = newest.with(first, Math.max(newest[first]!, furthest))
    }
    this.#heard = new Array(options.lanes).fill(clock)
  }

  /** What is to be kept; the same as before where nothing has changed. */
  get kept(): EventTime {
    if (this.#newest.length > 1 || this.#kept.time !== this.now) this.#kept = this.#keep()
    return this.#kept
  }

  #keep(): EventTime {
    const time = Number.isFinite(this.now) ? this.now : undefined
    if (this.#newest.length === 1) return { time }
    return { time, lanes: this.#newest.map(newest => (Number.isFinite(newest) ? newest : null)) }
  }

  /** A record has come. */
  heard(time: number, lane: number, clock: number): void {
    // What was silent until now may have been idle.
    if (this.#options.idleAfter !== undefined) this.goOn(clock)
    if (time > this.#newest[lane]!) this.#newest[lane] = time
    this.#heard[lane] = clock
    this.goOn(clock)
  }

  /** Nothing is waited for any more that is older. */
  advance(time: number): void {
    if (time > this.now) this.now = time
  }

  /** Time goes on, by the clock, where no records come. */
  goOn(clock: number): void {
    this.advance(this.#at(clock))
  }

  /** When it comes to a time, by the clock, if there are no more records; `Infinity` where it does not. */
  reaches(time: number): number {
    const { idleAfter, lateness } = this.#options
    if (idleAfter === undefined) return Number.POSITIVE_INFINITY
    const idle = this.#heard.map(heard => heard + idleAfter)
    const alone = this.#heard.map((heard, lane) => heard + time + lateness - this.#newest[lane]!)
    const allIdle = Math.max(Math.max(...idle), Math.min(...alone))
    return idle.reduce((first, clock) => (clock < first && this.#at(clock) >= time ? clock : first), allIdle)
  }

  #at(clock: number): number {
    const { idleAfter = Number.POSITIVE_INFINITY, lateness } = this.#options
    let slowest = Number.POSITIVE_INFINITY
    let furthest = Number.NEGATIVE_INFINITY
    for (let lane = 0; lane < this.#newest.length; lane++) {
      const silent = clock - this.#heard[lane]!
      const newest = this.#newest[lane]!
      if (silent < idleAfter) slowest = Math.min(slowest, newest)
      else furthest = Math.max(furthest, newest + silent)
    }
    return (slowest === Number.POSITIVE_INFINITY ? furthest : slowest) - lateness
  }
}
