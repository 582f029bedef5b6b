import { mergeMap, Observable, type OperatorFunction } from 'rxjs'
import { KVError } from '../../../base/errors.ts'
import type { Fence } from '../../../contract/owned-partition.ts'
import type { Access } from '../../../store/access.ts'
import type { Headed } from '../../../store/encoding.ts'
import type { AnyOptions, ProcessOptions } from '../../processKV.ts'
import { FiredTimer, type Timers } from '../../timers.ts'
import { bound, callbackError, checkExpiry, wholeOrInfinite } from '../arguments.ts'
import type { Journal } from '../journal.ts'
import { isSamePrimitive, processOn } from '../process-on.ts'
import { DueIndex } from './due-index.ts'
import { owning } from './owning.ts'
import { Rules } from './rules.ts'
import { type Step, TimerFailure } from './step.ts'
import { Steps } from './steps.ts'
import { TimedCommits } from './timed-commits.ts'

/** How many hints of what is due one commit takes at most, by default. */
const COMMIT_SIZE = 2048

/** The process loop where keys have timers, or values expire. */
export function processTimed<T, V>(
  access: Access<V>,
  keyOf: (record: T) => string,
  transform: (record: T, value: V | undefined, timers: Timers) => V | undefined,
  options: AnyOptions<T, V>,
  journal: Journal | undefined,
): OperatorFunction<T, unknown> {
  const { timers, partition, deadLetter, expireAfter } = options
  checkExpiry(expireAfter)
  const lateness = bound('timers.lateness', timers?.lateness, 0, 0)
  const timeOf = timers?.timeOf
  if (timeOf !== undefined && expireAfter !== undefined) {
    throw new KVError(
      'INVALID_ARGUMENT',
      '`expireAfter` goes by the clock, and `timers.timeOf` by the records: clear what is old by a timer instead',
    )
  }
  const plan = {
    keyOf,
    transform,
    project: options.project,
    unchanged: options.unchanged ?? isSamePrimitive,
    expireAfter,
    timers,
    takesOut: typeof deadLetter === 'function',
  }
  const commitSize = wholeOrInfinite('commitSize', options.commitSize, 8192)
  const most = 2 * Math.min(commitSize, COMMIT_SIZE)
  const { timing } = access
  /** One subscription, whose commits carry this fence. */
  const begin =
    (fence: Fence<unknown> | undefined): OperatorFunction<T, unknown> =>
    source =>
      new Observable(destination => {
        const events = { changed: () => steps.changed(), failed: (error: KVError) => steps.failed(error) }
        const index = fence && new DueIndex(access, fence, events)
        const steps: Steps<T> = new Steps({ timeOf, lateness, timing }, index, fence?.state.due?.time, most)
        const rules = new Rules(plan, index)
        const loop = processOn<Step<T>, Headed<V>, Headed<V> | undefined, Step<T>>(
          access.headed,
          step => rules.keyOf(step),
          (step, before) => rules.run(step, before),
          {
            ...loopOptions(options, fence),
            project: step => step,
            unchanged: (before, after) => rules.isUnchanged(before, after),
            deadLetter:
              typeof deadLetter !== 'function'
                ? 'fail'
                : ({ record: step, error }) => {
                    deadLetter({ record: causeOf(step), error })
                    steps.done(step)
                  },
          },
          { journal, due: index && new TimedCommits(index, timeOf !== undefined) },
        )
        const outputsOf = (step: Step<T>): unknown[] => {
          steps.done(step)
          return step.outputs.filter(output => {
            if (!(output instanceof TimerFailure)) return true
            try {
              if (typeof deadLetter === 'function') deadLetter({ record: output.timer, error: output.error })
            } catch (cause) {
              throw callbackError('deadLetter', cause)
            }
            return false
          })
        }
        destination.add(steps.of(source).pipe(loop, mergeMap(outputsOf)).subscribe(destination))
        index?.load()
      })
  if (partition !== undefined) return begin(partition.fence)
  if (timers === undefined) return begin(undefined)
  if (typeof timers.name !== 'string' || timers.name === '' || !timers.name.isWellFormed()) {
    throw new KVError(
      'INVALID_ARGUMENT',
      'timers need a `partition`, or a `name` (a string that is not empty) to be kept under',
    )
  }
  return owning(access, timers.name, begin)
}

/** What a step is to the user. */
const causeOf = <T>({ hint, record }: Step<T>): T | FiredTimer =>
  hint === undefined ? (record as T) : new FiredTimer(hint.key, '', hint.at)

/** The options of the loop of steps: those that the user gave for records. */
function loopOptions<T, V>(
  { commitSize, remember, commitWith, partition, positionOf }: AnyOptions<T, V>,
  fence: Fence<unknown> | undefined,
): ProcessOptions<Step<T>, Headed<V>, Headed<V> | undefined> {
  const records = (steps: readonly Step<T>[]): T[] =>
    steps.flatMap(({ hint, record }) => (hint === undefined ? [record as T] : []))
  return {
    commitSize,
    remember,
    commitWith:
      commitWith &&
      (steps =>
        Array.from(commitWith(records(steps)), mutation =>
          mutation.type === 'put' && 'value' in mutation
            ? { ...mutation, value: { value: mutation.value, header: undefined } }
            : mutation,
        )),
    partition: fence && { fence },
    positionOf:
      fence && (partition === undefined ? () => undefined : ({ record }) => positionOf?.(record as T)),
  }
}
