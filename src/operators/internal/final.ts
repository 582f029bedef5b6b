import type { OperatorFunction } from 'rxjs'
import { oneOf } from '../../base/arguments.ts'
import { KVError } from '../../base/errors.ts'
import { accessOf } from '../../store/access.ts'
import type { KVStore } from '../../store/kv-store.ts'
import type { EventTimeOptions } from '../event-time.ts'
import { FiredTimer, type Timers } from '../timers.ts'
import { Fault } from './arguments.ts'
import { flatten } from './flatten.ts'
import type { Lanes } from './timers/steps.ts'
import { processTimed } from './timers/timed.ts'

/** How items, and the times at which results become final, change the state. */
export interface FinalWork<T, I, V, R> {
  /** The user's record of an item. */
  recordOf(item: I): T
  keyOf(item: I): string
  timeOf(item: I): number
  readonly lateness: number | undefined
  readonly lanes?: Lanes<I> | undefined
  transform(item: I, value: V | undefined, timers: Timers): V
  /** The outputs of an item; none by default. */
  outputsOf?(item: I, before: V | undefined): readonly R[]
  onTimer(timer: FiredTimer, value: V, timers: Timers): V | undefined
  /** The results that a timer makes final. */
  resultsOf(timer: FiredTimer, before: V): readonly R[]
}

const NONE: readonly never[] = []

/** The process loop for items with final results. */
export function processFinal<T, I, V, R>(
  store: KVStore<V>,
  options: EventTimeOptions<T, V, R>,
  work: FinalWork<T, I, V, R>,
): OperatorFunction<I, R> {
  const { commitSize, remember, commitWith, commitOutputs, partition, positionOf, deadLetter } = options
  const { name, idleAfter, closeAtEnd } = options
  const { lanes, lateness } = work
  const process = processTimed<I, V>(
    accessOf(store),
    item => work.keyOf(item),
    (item, value, timers) => work.transform(item, value, timers),
    {
      commitSize,
      remember,
      // It is the same object only if nothing was to be done.
      unchanged: Object.is,
      project: (item, _, before) => work.outputsOf?.(item, before) ?? NONE,
      timers: {
        name,
        lateness,
        idleAfter,
        timeOf: item => work.timeOf(item),
        onTimer: (timer, value, timers) => work.onTimer(timer, value, timers),
        project: (timer, _, before) => work.resultsOf(timer, before),
      },
      deadLetter:
        typeof deadLetter === 'function'
          ? ({ record: item, error }) => {
              deadLetter({ record: item instanceof FiredTimer ? item : work.recordOf(item), error })
            }
          : deadLetter,
      commitWith: commitWith && (items => commitWith(items.map(item => work.recordOf(item)))),
      commitOutputs: commitOutputs && (outputs => commitOutputs((outputs as R[][]).flat())),
      partition,
      positionOf: positionOf && (item => positionOf(work.recordOf(item))),
    },
    { lanes, closeAtEnd },
  ) as OperatorFunction<I, readonly R[]>
  return source =>
    source.pipe(
      process,
      flatten(results => results),
    )
}

/** Throws `INVALID_ARGUMENT` unless `emit` is `'final'`. */
export const emitsFinal = (emit: string): void => void oneOf('emit', emit, ['final'])

/** The error for a record that is too late. */
export const late = (time: number, watermark: number, what: string): Fault =>
  new Fault(
    key =>
      new KVError('LATE', `the record of ${showTime(time)} is late: ${what}, at ${showTime(watermark)}`, {
        key,
      }),
  )

const showTime = (time: number): string => {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? String(time) : date.toISOString()
}
