import type { KVError } from '../../../base/errors.ts'
import type { FiredTimer } from '../../timers.ts'
import type { Hint } from './hint.ts'
import type { EventTime } from './watermark.ts'

/** What takes its turn in the process loop where keys have timers: a record, or a hint that something is due. */
export class Step<T> {
  readonly record: T | undefined
  /** Absent where it is a record. */
  readonly hint: Hint | undefined
  /** How far time has come, in milliseconds. */
  now: number
  /** What is to be kept of that, where records have times. */
  readonly time: EventTime | undefined
  /** Its key, once that was asked for. */
  key: string | undefined
  /** The hint that takes the place of its own, where nothing was due yet. */
  renewed: Hint | undefined
  /** It is run for outputs that were not taken; what is due was done before. */
  isReplayed = false
  /** What it has come to when it was last run: outputs, and timers that could not be fired. */
  outputs: (unknown | TimerFailure)[] = []

  /** Why it has no time. */
  readonly failure: unknown

  constructor(
    record: T | undefined,
    hint: Hint | undefined,
    now: number,
    time: EventTime | undefined,
    failure?: unknown,
  ) {
    this.record = record
    this.hint = hint
    this.now = now
    this.time = time
    this.failure = failure
  }
}

/** A timer that could not be fired. */
export class TimerFailure {
  readonly timer: FiredTimer
  readonly error: KVError

  constructor(timer: FiredTimer, error: KVError) {
    this.timer = timer
    this.error = error
  }
}
