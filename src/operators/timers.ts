/** A timer that has fired: the argument of {@link TimerOptions.onTimer}, instead of a record. */
export class FiredTimer {
  /** The key of the timer. */
  readonly key: string
  readonly name: string
  /** When it was due, in milliseconds. */
  readonly at: number

  constructor(key: string, name: string, at: number) {
    this.key = key
    this.name = name
    this.at = at
  }
}

/** The timers of a key. Changes are written with the value, in the same commit. */
export interface Timers {
  /**
   * The current time, in milliseconds: for a record, the clock's or, with `timeOf`, the newest record's minus
   * `lateness`; for a timer, when it was due.
   */
  readonly now: number
  /**
   * Sets the timer of this name, and replaces the previous one; `name` is `''` by default. A time in the past fires at
   * once; a timer that a timer sets fires a millisecond after that one at the earliest.
   */
  set(at: number | Date, name?: string): void
  /** Clears the timer of this name, if there is one. */
  clear(name?: string): void
  /** When the timer of this name is due; `undefined` if there is none. */
  at(name?: string): number | undefined
}

/** Timers of keys: options of {@link processKV}. */
export interface TimerOptions<T, V, S> {
  /**
   * The new value of the key whose timer is due, from the current one; `undefined` deletes it. Must be pure, as
   * `transform`. The timer is cleared when it fires.
   */
  readonly onTimer: (timer: FiredTimer, value: V, timers: Timers) => V | undefined
  /**
   * Makes the output of a fired timer.
   * @defaultValue `[timer, value]`
   */
  readonly project?: ((timer: FiredTimer, value: V | undefined, previous: V) => S) | undefined
  /**
   * When a record happened: a `Date`, or milliseconds. Time then advances with the records.
   * @defaultValue the clock's time
   */
  readonly timeOf?: ((record: T) => number | Date) | undefined
  /**
   * How much older than the newest record a record may be without being late, in milliseconds: timers wait that long
   * for it.
   * @defaultValue 0
   */
  readonly lateness?: number | undefined
  /**
   * With `timeOf`: after this long without a record, in whole milliseconds, time advances with the clock, from the
   * newest record on, until records come again.
   * @defaultValue never: only records advance time
   */
  readonly idleAfter?: number | undefined
  /**
   * The name under which timers are stored, if there is no `partition`. One subscription at a time owns it: a later
   * one, in any process, takes it over, and the earlier one ends with `FENCED`.
   */
  readonly name?: string | undefined
}
