import { catchError, EMPTY, isObservable, merge, type Observable, Subject, takeUntil, tap } from 'rxjs'
import { KVError } from '../errors.ts'
import { measure } from '../metrics/measure.ts'
import type { Meter } from '../metrics/meter.ts'
import { processKV } from '../operators/processKV.ts'
import { pull$ } from '../operators/pull.ts'
import { deliver } from './deliver.ts'
import type { PositionKeeper } from './position.ts'
import type { DeadLetter, JobContext, JobDefinition } from './types.ts'

/** A job as it is run: its definition, with what `run` was given in place of it. */
export type Plan<T, V, R, C> = JobDefinition<T, V, V | undefined, R, C>

/** What a pipeline is given, and tells. */
export interface PipelineHooks<T, V> {
  /** Emits when no more records are to be taken. */
  readonly stop$: Observable<unknown>
  readonly meter: Meter
  readonly position: PositionKeeper<T, V> | undefined
  inputEnded(): void
  /** The input or the process loop failed; what came before is still delivered. */
  failed(error: unknown): void
  outputTaken(): void
  letterTaken(letter: DeadLetter<T>): void
}

/** On its way to a sink. */
type Result<T, R> = { readonly record: T; readonly output: R } | { readonly letter: DeadLetter<T> }

/** Takes the input through the process loop to the sinks; completes when all that was taken in is done. */
export function pipeline<T, V, R, C>(
  plan: Plan<T, V, R, C>,
  context: JobContext<V, C>,
  hooks: PipelineHooks<T, V>,
): Observable<never> {
  const { key, transform, project, output, deadLetter, bytesOf } = plan
  const { store, config } = context
  const { meter, position } = hooks
  const letters$ = new Subject<Result<T, R>>()
  const takeOut = (error: KVError, record: T): void => {
    position?.settled()
    letters$.next({ letter: { record, error } })
  }
  const failed = (error: unknown): Observable<never> => {
    hooks.failed(error)
    return EMPTY
  }
  const loop = processKV<T, V, V | undefined, { record: T; output: R }>(
    store,
    record => key(record, config),
    (record, value) => transform(record, value, config),
    {
      ...plan.process,
      // With its record, so that the meter knows what became of which.
      project: (record, value, previous) => ({
        record,
        output: project === undefined ? ([record, value] as R) : project(record, value, previous),
      }),
      onError: typeof deadLetter === 'function' ? takeOut : 'fail',
      commitWith: position?.commitWith,
    },
  )
  const processed$ = input$(plan, context).pipe(
    tap({ complete: () => hooks.inputEnded() }),
    catchError(failed),
    takeUntil(hooks.stop$),
    measure(loop, { meter, bytesOf, recordOf: result => result.record }),
    tap({ next: () => position?.settled() }),
    catchError(failed),
    tap({ complete: () => letters$.complete() }),
  )
  return merge(letters$, processed$).pipe(
    deliver<Result<T, R>>({
      take: result => {
        if ('letter' in result) return typeof deadLetter === 'function' && deadLetter(result.letter, context)
        return typeof output === 'function' && output(result.output, context)
      },
      taken: result => {
        if ('letter' in result) hooks.letterTaken(result.letter)
        else hooks.outputTaken()
      },
      error: (result, cause) =>
        KVError.from(cause, 'CALLBACK', `\`${'letter' in result ? 'deadLetter' : 'output'}\` failed`),
    }),
  )
}

function input$<T, V, R, C>({ name, input }: Plan<T, V, R, C>, context: JobContext<V, C>): Observable<T> {
  if (input === undefined) {
    throw new KVError(
      'INVALID_ARGUMENT',
      `the job '${name}' has no \`input\`; give it to \`job\` or to \`run\``,
    )
  }
  const records = typeof input === 'function' ? input(context) : input
  return isObservable(records) ? records : pull$(records)
}
