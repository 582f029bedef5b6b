import type { Headed } from '../../../store/encoding.ts'
import { type Header, MAX_TIMER_NAME } from '../../../store/header.ts'
import { FiredTimer, type TimerOptions, type Timers } from '../../timers.ts'
import { callbackError, calling } from '../arguments.ts'
import { Hint } from './hint.ts'
import { type Step, TimerFailure } from './step.ts'
import { isSameHeader, newHintOf, nextOf, TimedValue } from './timed-value.ts'

/** What a process loop with timers is to do: the user's functions and options. */
export interface TimedPlan<T, V> {
  readonly keyOf: (record: T) => string
  readonly transform: (record: T, value: V | undefined, timers: Timers) => V | undefined
  readonly project: ((record: T, value: V | undefined, previous: V | undefined) => unknown) | undefined
  readonly unchanged: (before: V, after: V) => boolean
  /** How long a value is kept that is not written again, in milliseconds. */
  readonly expireAfter: number | undefined
  readonly timers: TimerOptions<T, V, unknown> | undefined
  /** The clock, in milliseconds since 1970. */
  readonly date: () => number
  /** Whether a timer that cannot be fired is taken out; else it ends the stream. */
  readonly takesOut: boolean
}

/** The most timers that a key has. */
const MOST = 255

/** The timers of a key while its records and timers are run. */
class TimersDraft implements Timers {
  now = 0
  /** What is set is later than this. */
  after = Number.NEGATIVE_INFINITY
  readonly key: string
  #timers: ReadonlyMap<string, number> | undefined
  /** The same, once it is a copy. */
  #copy: Map<string, number> | undefined

  constructor(key: string, timers: ReadonlyMap<string, number> | undefined) {
    this.key = key
    this.#timers = timers
  }

  /** Those that are set; `undefined` where none is. */
  get timers(): ReadonlyMap<string, number> | undefined {
    return this.#timers?.size === 0 ? undefined : this.#timers
  }

  set(at: number | Date, name = ''): void {
    const time = at instanceof Date ? at.getTime() : at
    if (!Number.isFinite(time)) {
      throw new TypeError(`a timer needs a number of milliseconds or a valid Date, got ${String(at)}`)
    }
    if (name !== '') checkName(name)
    this.#changing.set(name, Math.max(time, this.after))
    if (this.#timers!.size > MOST) throw new RangeError(`a key has at most ${MOST} timers`)
  }

  clear(name = ''): void {
    if (this.#timers?.has(name)) this.#changing.delete(name)
  }

  at(name = ''): number | undefined {
    return this.#timers?.get(name)
  }

  /** Goes back to these. */
  restore(timers: ReadonlyMap<string, number> | undefined): void {
    this.#timers = timers
    this.#copy = undefined
  }

  /** The first that is due by then. */
  due(time: number): FiredTimer | undefined {
    if (this.#timers === undefined) return undefined
    let first: FiredTimer | undefined
    for (const [name, at] of this.#timers) {
      if (at <= time && (first === undefined || at < first.at || (at === first.at && name < first.name)))
        first = new FiredTimer(this.key, name, at)
    }
    return first
  }

  get #changing(): Map<string, number> {
    this.#copy ??= new Map(this.#timers)
    this.#timers = this.#copy
    return this.#copy
  }
}

function checkName(name: unknown): void {
  if (typeof name === 'string' && name.isWellFormed() && Buffer.byteLength(name) <= MAX_TIMER_NAME) return
  throw new TypeError(`the name of a timer has at most ${MAX_TIMER_NAME} bytes, got ${String(name)}`)
}

/** What records and timers make of a key, apart from any store. */
export class Rules<T, V> {
  readonly #plan: TimedPlan<T, V>
  /** Where what is due is kept, if it is. */
  readonly #index: { readonly until: number } | undefined

  constructor(plan: TimedPlan<T, V>, index: { readonly until: number } | undefined) {
    this.#plan = plan
    this.#index = index
  }

  keyOf(step: Step<T>): string {
    if (step.failure !== undefined) throw step.failure
    step.key ??= step.hint === undefined ? this.#plan.keyOf(step.record!) : step.hint.key
    return step.key
  }

  /** The value after a step; what it emits is left in the step. */
  run(step: Step<T>, before: Headed<V> | undefined): Headed<V> | undefined {
    const { transform, project } = this.#plan
    const { now, record, hint } = step
    const key = this.keyOf(step)
    let expires = before?.header?.expires
    if (expires !== undefined && expires <= this.#date(now)) {
      before = undefined
      expires = undefined
    }
    const timers = new TimersDraft(key, before?.header?.timers)
    step.outputs = []
    step.renewed = undefined
    let value = this.#fire(step, timers, before?.value)
    if (hint === undefined) {
      timers.now = now
      timers.after = Number.NEGATIVE_INFINITY
      const previous = value
      value = transform(record as T, previous, timers)
      const output =
        project === undefined
          ? [record, value]
          : calling('project', () => project(record as T, value, previous))
      step.outputs.push(output)
      if (this.#plan.expireAfter !== undefined) expires = now + this.#plan.expireAfter
    }
    if (value === undefined) return undefined
    const after = this.#headed(key, value, before, { timers: timers.timers, expires })
    if (hint === undefined || step.outputs.length > 0) return after
    // Nothing was run: what is stored stays as it is, and only the hint that was taken is renewed.
    step.renewed = newHintOf(after)
    return before
  }

  get #goesByClock(): boolean {
    return this.#plan.timers?.timeOf === undefined
  }

  /** The clock's time. */
  #date(now: number): number {
    return this.#goesByClock ? now : this.#plan.date()
  }

  /** Whether what is stored need not be written again. */
  isUnchanged(before: Headed<V>, after: Headed<V>): boolean {
    if (before === after) return true
    return isSameHeader(before.header, after.header) && this.#plan.unchanged(before.value, after.value)
  }

  /** Fires what is due by the time of the step, one timer after the other. */
  #fire(step: Step<T>, timers: TimersDraft, value: V | undefined): V | undefined {
    const options = this.#plan.timers
    if (options === undefined) return value
    while (value !== undefined) {
      const timer = timers.due(step.now)
      if (timer === undefined) break
      value = this.#fireOne(step, timer, timers, value, options)
    }
    return value
  }

  #fireOne(
    step: Step<T>,
    timer: FiredTimer,
    draft: TimersDraft,
    previous: V,
    { onTimer, project, timeOf }: TimerOptions<T, V, unknown>,
  ): V | undefined {
    draft.clear(timer.name)
    const others = this.#plan.takesOut ? new Map(draft.timers) : undefined
    draft.now = timeOf === undefined ? step.now : timer.at
    draft.after = timer.at + 1
    try {
      const value = calling('onTimer', () => onTimer(timer, previous, draft))
      const output =
        project === undefined
          ? [timer, value]
          : calling('timers.project', () => project(timer, value, previous))
      step.outputs.push(output)
      // With the key go its timers.
      if (value === undefined) draft.restore(undefined)
      return value
    } catch (fault) {
      if (!this.#plan.takesOut) throw fault
      draft.restore(others)
      step.outputs.push(new TimerFailure(timer, callbackError('onTimer', fault, timer.key)))
      return previous
    }
  }

  #headed(key: string, value: V, before: Headed<V> | undefined, { timers, expires }: Header): Headed<V> {
    const former = before?.header?.hint
    // One that was taken already does not come again.
    const isToCome = former !== undefined && former > (this.#index?.until ?? Number.NEGATIVE_INFINITY)
    // What expires does so by the clock.
    const next = this.#index && nextOf({ timers, expires: this.#goesByClock ? expires : undefined })
    if (next !== undefined && (!isToCome || former > next)) {
      const hint = new Hint(key, next)
      return new TimedValue(value, { timers, expires, hint: next }, hint)
    }
    const hint = isToCome ? former : undefined
    if (timers === undefined && expires === undefined && hint === undefined)
      return new TimedValue(value, undefined, undefined)
    return new TimedValue(
      value,
      { timers, expires, hint },
      before instanceof TimedValue ? before.hint : undefined,
    )
  }
}
