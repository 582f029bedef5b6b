import { map, type OperatorFunction } from 'rxjs'
import { attempt, KVError } from '../base/errors.ts'
import type { Delivered } from '../inputs/partitioned-input.ts'
import { keepWith } from '../operators/internal/kept.ts'
import { FiredTimer } from '../operators/timers.ts'
import type { Body, Result, Source } from './pipeline.ts'
import { type Step, Steps } from './steps.ts'
import type { JobContext, JobPipelineContext, JobPipelineDefinition } from './types.ts'

/** An item of a source, in the form that the job's pipeline gets. */
class CustomRecord<I, T> implements Delivered<T, unknown> {
  readonly record: T
  readonly position: unknown
  readonly #item: I

  constructor(record: T, position: unknown, item: I) {
    this.record = record
    this.position = position
    this.#item = item
  }

  /** The item that this value was made from; `undefined` if it is not an CustomRecord. */
  static of<I>(value: unknown): I | undefined {
    return value instanceof CustomRecord ? value.#item : undefined
  }
}

/** The item of an output, as the operators emit them: alone, or first in a pair. */
const itemIn = (output: unknown): unknown => (Array.isArray(output) ? output[0] : output)

/** A result, with the emission of the committing operator that it belongs to. */
interface StepResult {
  readonly position: unknown
  readonly step: Step | undefined
}

const refused = (reason: string): KVError =>
  new KVError('INVALID_ARGUMENT', `in the \`pipeline\` of a job, ${reason}`)

/** The body of a job that has a pipeline of its own. */
export function custom<I, T, V, R, C>(
  { pipeline, recordOf = itemIn as () => undefined, deadLetter }: JobPipelineDefinition<T, V, R, C>,
  context: JobContext<V, C>,
  source: Source<I, T, V>,
  takeOut: (letter: Result<I, T, R> & StepResult) => void,
): Body<I, T, R> {
  const { partition, commitSize } = source.options
  const steps = new Steps(() => {
    source.journal?.outputs.take()
    source.reached?.()
  })
  let commits = false
  if (partition !== undefined) {
    keepWith(partition, {
      journal: source.journal,
      watch: output$ => {
        if (commits) throw refused('only one operator can take `commit`')
        commits = true
        return steps.watch(output$)
      },
    })
  }
  const commit: JobPipelineContext<T, V, C>['commit'] = {
    ...(partition && { partition, positionOf: item => item.position, commitSize }),
    deadLetter:
      typeof deadLetter === 'function'
        ? ({ record: item, error }) =>
            steps.make(() => {
              if (item instanceof FiredTimer) {
                takeOut({
                  item: undefined,
                  letter: { record: item as unknown as T, error },
                  ...seen(undefined),
                })
                return
              }
              const letter = { record: item.record, error }
              takeOut({ item: CustomRecord.of<I>(item), letter, ...seen(item) })
            })
        : 'fail',
  }
  /** Registers a result with the current emission. */
  const seen = (item: Delivered<T, unknown> | undefined): StepResult => {
    const step = steps.current
    if (step !== undefined) step.left++
    return { position: item?.position, step }
  }
  const itemOf = (item: I): CustomRecord<I, T> => {
    if (partition !== undefined && !commits) throw refused('an operator must take `commit`')
    const position = attempt('CALLBACK', '`position.of` failed', undefined, () => source.positionOf?.(item))
    return new CustomRecord(source.recordOf(item), position, item)
  }
  const process: OperatorFunction<I, Result<I, T, R> & StepResult> = items$ =>
    items$.pipe(
      map(itemOf),
      pipeline({ ...context, commit }),
      map(output => {
        const item = recordOf(output)
        return {
          item: CustomRecord.of<I>(item),
          output,
          ...seen(item instanceof CustomRecord ? item : undefined),
        }
      }),
    )
  return {
    process,
    positionOf: result => (result as Result<I, T, R> & StepResult).position,
    taken: result => {
      const { step } = result as Result<I, T, R> & StepResult
      if (step !== undefined) steps.taken(step)
    },
  }
}
