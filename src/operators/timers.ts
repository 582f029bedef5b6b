/** A timer that has fired: what {@link TimerOptions.onTimer} is called with, in the place of a record. */
export class FiredTimer {
  /** The key whose timer it is. */
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

/** The timers of a key: what is set and cleared here is written with the value, in the same commit. */
export interface Timers {
  /**
   * How far time has come, in milliseconds: with a record, the clock's time or, where records have times, the newest of them
   * less `lateness`; with a timer, when it was due.
   */
  readonly now: number
  /**
   * Sets the timer of that name, in place of the one that the key had; `name` is `''` by default. One that is set to a time
   * that has come already fires at once; one that a timer sets, a millisecond after that one at the earliest.
   */
  set(at: number | Date, name?: string): void
  /** Clears the timer of that name, if there is one. */
  clear(name?: string): void
  /** When the timer of that name is due; `undefined` where there is none. */
  at(name?: string): number | undefined
}

/** Timers of keys: options of {@link processKV}. */
export interface TimerOptions<T, V, S> {
  /**
   * The new value of the key whose timer is due, from the one before; `undefined` deletes it. It must be pure, as `transform`.
   * The timer is cleared when it fires.
   */
  readonly onTimer: (timer: FiredTimer, value: V, timers: Timers) => V | undefined
  /**
   * What is emitted when a timer has fired, once that is durable.
   * @defaultValue `[timer, value]`
   */
  readonly project?: ((timer: FiredTimer, value: V | undefined, previous: V) => S) | undefined
  /**
   * When a record happened: a `Date`, or milliseconds. Time then goes forward with the records.
   * @defaultValue the clock's time
   */
  readonly timeOf?: ((record: T) => number | Date) | undefined
  /**
   * How much older than the newest record a record may be that is not late, in milliseconds: so long timers wait for it.
   * @defaultValue 0
   */
  readonly lateness?: number | undefined
  /**
   * With `timeOf`: after how long without a record, by the clock, in whole milliseconds, time goes on with the clock, from the
   * newest record, until records come again.
   * @defaultValue never: time goes forward by the records alone
   */
  readonly idleAfter?: number | undefined
  /**
   * Under which name it is kept what is due, where there is no `partition`. One subscription at a time has it: a later one, in
   * whatever process, takes it over, and the earlier one ends with `FENCED`.
   */
  readonly name?: string | undefined
}
