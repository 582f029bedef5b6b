import { Observable, type OperatorFunction } from 'rxjs'
import { wholeNumber } from '../../../base/arguments.ts'
import { KVError } from '../../../base/errors.ts'
import type { Fence } from '../../../contract/owned-partition.ts'
import type { Access } from '../../../store/access.ts'
import type { Headed } from '../../../store/encoding.ts'
import type { BytesPut, Mutation } from '../../../store/kv-store.ts'
import type { AnyOptions, ProcessOptions } from '../../processKV.ts'
import { FiredTimer, type Timers } from '../../timers.ts'
import { bound, callbackError, checkExpiry, wholeOrInfinite } from '../arguments.ts'
import { flatten } from '../flatten.ts'
import type { Journal } from '../journal.ts'
import { isSamePrimitive, processOn } from '../process-on.ts'
import { DueIndex } from './due-index.ts'
import { owning } from './owning.ts'
import { Rules } from './rules.ts'
import { type Step, TimerFailure } from './step.ts'
import { type Lanes, Steps } from './steps.ts'
import { TimedCommits } from './timed-commits.ts'

/** How many hints of what is due one commit takes at most, by default. */
const COMMIT_SIZE = 2048

/** What a process loop with timers has beside its options. */
interface TimedExtras<T> {
  readonly journal?: Journal | undefined
  readonly lanes?: Lanes<T> | undefined
  readonly closeAtEnd?: boolean | undefined
}

/** The process loop where keys have timers, or values expire. */
export function processTimed<T, V>(
  access: Access<V>,
  keyOf: (record: T) => string,
  transform: (record: T, value: V | undefined, timers: Timers) => V | undefined,
  options: AnyOptions<T, V>,
  { journal, lanes, closeAtEnd = false }: TimedExtras<T> = {},
): OperatorFunction<T, unknown> {
  const { timers, partition, deadLetter, expireAfter } = options
  checkExpiry(expireAfter)
  const lateness = bound('timers.lateness', timers?.lateness, 0, 0)
  const timeOf = timers?.timeOf
  const idleAfter = timers?.idleAfter
  if (idleAfter !== undefined) wholeNumber('idleAfter', idleAfter, 1, Number.MAX_SAFE_INTEGER)
  if (idleAfter !== undefined && timeOf === undefined) {
    throw new KVError('INVALID_ARGUMENT', '`idleAfter` needs `timeOf`: else time is the clock’s anyhow')
  }
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
    date: () => timing.date(),
    takesOut: typeof deadLetter === 'function',
  }
  const commitSize = wholeOrInfinite('commitSize', options.commitSize, 8192)
  const most = 2 * Math.min(commitSize, COMMIT_SIZE)
  const { timing } = access
  const time = { timeOf, lateness, idleAfter, lanes, closeAtEnd, timing }
  /** One subscription, whose commits carry this fence. */
  const begin =
    (fence: Fence<unknown> | undefined): OperatorFunction<T, unknown> =>
    source =>
      new Observable(destination => {
        const events = { changed: () => steps.changed(), failed: (error: KVError) => steps.failed(error) }
        const index = fence && new DueIndex(access, fence, events)
        const steps: Steps<T> = new Steps(time, index, fence?.state.due, most)
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
          { journal, due: index && new TimedCommits(index, steps) },
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
        destination.add(steps.of(source).pipe(loop, flatten(outputsOf)).subscribe(destination))
        index?.load()
      })
  if (access.shards > 1 && (partition ?? timers) !== undefined) {
    throw new KVError(
      'UNSUPPORTED',
      'the index of what is due is kept in one ensemble, and this store is over several: `timers`, and `expireAfter` with a `partition`, need a store of one',
    )
  }
  if (partition !== undefined) return begin(partition.fences[0])
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

/** A write of the user's, of a value without a header. */
const headed = <V>(mutation: Mutation<V> | BytesPut): Mutation<Headed<V>> | BytesPut =>
  mutation.type === 'put' && 'value' in mutation
    ? { ...mutation, value: { value: mutation.value, header: undefined } }
    : mutation

/** The options of the loop of steps: those that the user gave for records. */
function loopOptions<T, V>(
  { commitSize, remember, commitWith, commitOutputs, partition, positionOf }: AnyOptions<T, V>,
  fence: Fence<unknown> | undefined,
): ProcessOptions<Step<T>, Headed<V>, Headed<V> | undefined, Step<T>> {
  const records = (steps: readonly Step<T>[]): T[] =>
    steps.flatMap(({ hint, record }) => (hint === undefined ? [record as T] : []))
  const outputs = (steps: readonly Step<T>[]): unknown[] =>
    steps.flatMap(({ outputs }) => outputs.filter(output => !(output instanceof TimerFailure)))
  return {
    commitSize,
    remember,
    commitWith: commitWith && (steps => Array.from(commitWith(records(steps)), headed)),
    commitOutputs: commitOutputs && (steps => Array.from(commitOutputs(outputs(steps)), headed)),
    partition: fence && { fences: [fence] },
    positionOf:
      fence && (partition === undefined ? () => undefined : ({ record }) => positionOf?.(record as T)),
  }
}
