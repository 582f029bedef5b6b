import type { KVError } from '../../base/errors.ts'
import { checkKey } from '../../contract/keys.ts'
import { END_OF_TIME, FIRST_TIME, windowKey } from '../windowKey.ts'
import { calling, Fault } from './arguments.ts'
import { timeIn } from './event-time.ts'

/** A window of a key. */
export interface WindowSpan {
  readonly key: string
  /** Its start, in milliseconds: a multiple of `every`. */
  readonly start: number
  /** Its end (exclusive), in milliseconds. */
  readonly end: number
}

/** The size of windows, their distance, and how many of each key to keep. */
export interface WindowLayout {
  readonly size: number
  readonly every: number
  readonly keep: number | undefined
}

/** A window and its store key. */
interface WindowPlace {
  readonly span: WindowSpan
  readonly storeKey: string
}

/** A record for one of its windows; or a failed one, without a window. */
export interface Visit<T> {
  readonly record: T
  /** Its event time, in milliseconds; the earliest time if it is unknown. */
  readonly time: number
  readonly place: WindowPlace | undefined
  readonly late: boolean
  readonly failure: unknown
}

/** For how many keys to remember the windows of the last record, which the next one may share. */
const REMEMBERED = 10_000

/** Assigns the records of one subscription to windows, in order. */
export class Assigner<T> {
  readonly #keyOf: (record: T) => string
  readonly #timeOf: (record: T) => number | Date
  readonly #layout: WindowLayout
  readonly #recent = new Map<string, readonly WindowPlace[]>()
  #newest = Number.NEGATIVE_INFINITY

  constructor(keyOf: (record: T) => string, timeOf: (record: T) => number | Date, layout: WindowLayout) {
    this.#keyOf = keyOf
    this.#timeOf = timeOf
    this.#layout = layout
  }

  visits(record: T): Visit<T>[] {
    let places: readonly WindowPlace[]
    let time: number
    try {
      const key = this.#key(record)
      time = this.#time(record)
      places = this.#places(key, time)
    } catch (failure) {
      return [{ record, time: FIRST_TIME, place: undefined, late: false, failure }]
    }
    const newest = this.#newest
    this.#newest = Math.max(newest, time)
    return places.map(place => ({
      record,
      time,
      place,
      late: place.span.end <= newest,
      failure: undefined,
    }))
  }

  #key(record: T): string {
    const key = calling('keyOf', () => this.#keyOf(record))
    try {
      checkKey(key, Number.POSITIVE_INFINITY)
    } catch (error) {
      throw new Fault(() => error as KVError)
    }
    return key
  }

  #time(record: T): number {
    // Windows begin and end at whole milliseconds, so fractions are dropped.
    const time = Math.floor(timeIn(this.#timeOf, record))
    return calling('timeOf', () => {
      if (time >= FIRST_TIME + this.#layout.size && time < END_OF_TIME) return time
      throw new RangeError(`not a time within the years 0 to 9999: ${time}`)
    })
  }

  /** The windows of a key at this time, oldest first. */
  #places(key: string, time: number): readonly WindowPlace[] {
    const { size, every, keep } = this.#layout
    const first = (Math.floor((time - size) / every) + 1) * every
    const last = Math.floor(time / every) * every
    const recent = this.#recent.get(key)
    if (recent?.[0]?.span.start === first && recent.at(-1)?.span.start === last) return recent
    const places: WindowPlace[] = []
    for (let start = first; start <= last; start += every) {
      const slot = keep === undefined ? start : start - Math.floor(start / (keep * every)) * keep * every
      places.push({ span: { key, start, end: start + size }, storeKey: windowKey(key, slot) })
    }
    if (this.#recent.size === REMEMBERED) this.#recent.clear()
    this.#recent.set(key, places)
    return places
  }
}
