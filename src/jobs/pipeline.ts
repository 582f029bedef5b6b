import { catchError, EMPTY, merge, type Observable, Subject, takeUntil, tap } from 'rxjs'
import { KVError } from '../base/errors.ts'
import { measure } from '../metrics/measure.ts'
import type { Meter } from '../metrics/meter.ts'
import type { Journal } from '../operators/internal/journal.ts'
import { type DeadLetter, type ProcessOptions, processJournaled } from '../operators/processKV.ts'
import { deliver } from './deliver.ts'
import type { Plan } from './plan.ts'
import type { JobContext, SinkContext } from './types.ts'

/** Records that are read in order: an input that has no partitions, or one partition. They come as items, which may hold more. */
export interface Source<I, T, V> {
  readonly items$: Observable<I>
  readonly partition: string | undefined
  recordOf(item: I): T
  /** Absent where no position is kept. */
  readonly positionOf: ((item: I) => unknown) | undefined
  /** What the process loop needs for its commits. */
  readonly options: Pick<
    ProcessOptions<I, V, V | undefined, unknown>,
    'partition' | 'positionOf' | 'commitSize'
  >
  /** What it takes to give outputs out again that were not taken. */
  readonly journal: Journal | undefined
  /** Emits when no more records are to be taken. */
  readonly stop$: Observable<unknown>
  /** There are no more records. */
  ended(): void
  /** Reading or the process loop failed; what came before is still delivered. */
  failed(error: unknown): void
  /** What was made of an item was taken by its sink. */
  taken?(item: I): void
}

/** What all sources of a run share. */
export interface PipelineHooks<T> {
  readonly meter: Meter
  outputTaken(): void
  letterTaken(letter: DeadLetter<T>): void
}

/** On its way to a sink. */
type Result<I, T, R> =
  | { readonly item: I; readonly output: R }
  | { readonly item: I; readonly letter: DeadLetter<T> }

/** Takes a source through the process loop to the sinks; completes when all that was taken in is done. */
export function pipeline<I, T, V, R, C>(
  plan: Plan<T, V, R, C>,
  { name, config, store }: JobContext<V, C>,
  source: Source<I, T, V>,
  hooks: PipelineHooks<T>,
): Observable<never> {
  const { keyOf, transform, project, output, deadLetter, bytesOf } = plan
  const { partition, positionOf } = source
  const letters$ = new Subject<Result<I, T, R>>()
  const takeOut = ({ record: item, error }: DeadLetter<I>): void => {
    letters$.next({ item, letter: { record: source.recordOf(item), error } })
  }
  let unread: { readonly error: unknown } | undefined
  const failed = (error: unknown): Observable<never> => {
    source.failed(error)
    return EMPTY
  }
  const loop = processJournaled<I, V, V | undefined, { item: I; output: R }>(
    store,
    (item: I) => keyOf(source.recordOf(item), config),
    (item: I, value: V | undefined) => transform(source.recordOf(item), value, config),
    {
      ...source.options,
      ...plan.process,
      // With its item, so that the meter knows what became of which.
      project: (item, value, previous): { item: I; output: R } => {
        const record = source.recordOf(item)
        return {
          item,
          output: project === undefined ? ([record, value] as R) : project(record, value, previous),
        }
      },
      deadLetter: typeof deadLetter === 'function' ? takeOut : 'fail',
    },
    source.journal,
  )
  const processed$ = source.items$.pipe(
    tap({ complete: () => source.ended() }),
    // Told when what was read before is done: a failure of that is the earlier one.
    catchError((error: unknown) => {
      unread = { error }
      return EMPTY
    }),
    takeUntil(source.stop$),
    measure(loop, {
      meter: hooks.meter,
      bytesOf: bytesOf && (item => bytesOf(source.recordOf(item))),
      recordOf: result => result.item,
    }),
    catchError(failed),
    tap({
      complete: () => {
        if (unread !== undefined) source.failed(unread.error)
        letters$.complete()
      },
    }),
  )
  const contextOf = (item: I): SinkContext<V, C> => ({
    name,
    config,
    store,
    partition,
    position: positionOf?.(item),
  })
  return merge(letters$, processed$).pipe(
    deliver<Result<I, T, R>>({
      take: result => {
        if ('letter' in result)
          return typeof deadLetter === 'function' && deadLetter(result.letter, contextOf(result.item))
        return typeof output === 'function' && output(result.output, contextOf(result.item))
      },
      taken: result => {
        if ('letter' in result) hooks.letterTaken(result.letter)
        else hooks.outputTaken()
        source.journal?.outputs.take()
        source.taken?.(result.item)
      },
      error: (result, cause) =>
        KVError.from(cause, 'CALLBACK', `\`${'letter' in result ? 'deadLetter' : 'output'}\` failed`),
    }),
  )
}
