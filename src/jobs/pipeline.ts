import {
  catchError,
  EMPTY,
  merge,
  type Observable,
  type OperatorFunction,
  Subject,
  takeUntil,
  tap,
} from 'rxjs'
import { KVError } from '../base/errors.ts'
import { measure } from '../metrics/measure.ts'
import type { Meter } from '../metrics/meter.ts'
import type { Journal } from '../operators/internal/journal.ts'
import type { DeadLetter, ProcessOptions } from '../operators/processKV.ts'
import { custom } from './custom.ts'
import { deliver } from './deliver.ts'
import { loop } from './loop.ts'
import type { Plan } from './plan.ts'
import type { JobContext, SinkContext } from './types.ts'

/**
 * Records read in order: an input without partitions, or one partition. They come as items, which may contain more than
 * the record.
 */
export interface Source<I, T, V> {
  readonly items$: Observable<I>
  readonly partition: string | undefined
  recordOf(item: I): T
  /** Absent if no position is kept. */
  readonly positionOf: ((item: I) => unknown) | undefined
  /** Options for the commits of the process loop. */
  readonly options: Pick<
    ProcessOptions<I, V, V | undefined, unknown>,
    'partition' | 'positionOf' | 'commitSize'
  >
  /** The journal from which outputs that were not taken are delivered again. */
  readonly journal: Journal | undefined
  /** Emits when to take no more records. */
  readonly stop$: Observable<unknown>
  /** There are no more records. */
  ended(): void
  /** Reading or the process loop failed; earlier outputs are still delivered. */
  failed(error: unknown): void
  /** The sink has taken the result of an item. */
  taken?(item: I): void
  /** More of what was committed may have been taken by the sinks. */
  reached?(): void
}

/** What all sources of a run share. */
export interface PipelineHooks<T> {
  readonly meter: Meter
  outputTaken(): void
  letterTaken(letter: DeadLetter<T>): void
}

/** The result of an item, on its way to a sink. */
export type Result<I, T, R> =
  | { readonly item: I | undefined; readonly output: R }
  | { readonly item: I | undefined; readonly letter: DeadLetter<T> }

/** The operators that the items of a source go through. */
export interface Body<I, T, R> {
  readonly process: OperatorFunction<I, Result<I, T, R>>
  /** The position of a result; `undefined` where none is kept. */
  positionOf(result: Result<I, T, R>): unknown
  /** The sink has taken a result. */
  taken(result: Result<I, T, R>): void
}

/** Runs a source through the job to the sinks; completes when everything that was read is done. */
export function pipeline<I, T, V, R, C>(
  plan: Plan<T, V, R, C>,
  context: JobContext<V, C>,
  source: Source<I, T, V>,
  hooks: PipelineHooks<T>,
): Observable<never> {
  const { name, config, store } = context
  const { output, deadLetter, bytesOf } = plan
  const letters$ = new Subject<Result<I, T, R>>()
  const takeOut = (letter: Result<I, T, R>): void => letters$.next(letter)
  const body =
    plan.pipeline === undefined
      ? loop(plan, context, source, takeOut)
      : custom(plan, context, source, takeOut)
  let unread: { readonly error: unknown } | undefined
  const failed = (error: unknown): Observable<never> => {
    source.failed(error)
    return EMPTY
  }
  const processed$ = source.items$.pipe(
    tap({ complete: () => source.ended() }),
    // Reported when the records before it are done: if one of those fails, that error is the earlier one.
    catchError((error: unknown) => {
      unread = { error }
      return EMPTY
    }),
    takeUntil(source.stop$),
    measure(body.process, {
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
  const contextOf = (result: Result<I, T, R>): SinkContext<V, C> => ({
    name,
    config,
    store,
    partition: source.partition,
    position: body.positionOf(result),
  })
  return merge(letters$, processed$).pipe(
    deliver<Result<I, T, R>>({
      take: result => {
        if ('letter' in result)
          return typeof deadLetter === 'function' && deadLetter(result.letter, contextOf(result))
        return typeof output === 'function' && output(result.output, contextOf(result))
      },
      taken: result => {
        if ('letter' in result) hooks.letterTaken(result.letter)
        else hooks.outputTaken()
        body.taken(result)
      },
      error: (result, cause) =>
        KVError.from(cause, 'CALLBACK', `\`${'letter' in result ? 'deadLetter' : 'output'}\` failed`),
    }),
  )
}
