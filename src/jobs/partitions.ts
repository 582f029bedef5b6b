import {
  catchError,
  concat,
  defer,
  finalize,
  ignoreElements,
  map,
  merge,
  mergeMap,
  type Observable,
  of,
  type SchedulerLike,
  shareReplay,
  take,
  takeUntil,
  tap,
  timer,
} from 'rxjs'
import { KVError, type KVErrorCode } from '../base/errors.ts'
import type { OwnedPartition } from '../contract/owned-partition.ts'
import { allFinished$, finish$ } from '../groups/finished.ts'
import { ownPartitions$ } from '../groups/ownPartitions.ts'
import type { Delivered, PartitionedInput } from '../inputs/partitioned-input.ts'
import { beginOf, type Journal } from '../operators/internal/journal.ts'
import { pull$ } from '../operators/pull.ts'
import { journal$, writeTaken$ } from './journal.ts'
import { type PipelineHooks, pipeline, type Source } from './pipeline.ts'
import type { Plan } from './plan.ts'
import { Progress } from './progress.ts'
import type { JobContext } from './types.ts'

/** The default for the most records in a commit of a partition: with many partitions, each holds several commits. */
const COMMIT_SIZE = 2048

/** The pause before a partition is taken up again after a transient error, in milliseconds. */
const PAUSE = 1000

/** Transient errors: after one, the partition is taken up again. */
const PASSING: ReadonlySet<KVErrorCode> = new Set(['TIMEOUT', 'INDETERMINATE', 'UNAVAILABLE'])

const isPassing = (error: unknown): error is KVError => error instanceof KVError && PASSING.has(error.code)

/** What the partitions of a run share, and report. */
export interface PartitionsHooks<T> extends PipelineHooks<T> {
  /** Emits when to leave the group. */
  readonly stop$: Observable<unknown>
  readonly scheduler: SchedulerLike | undefined
  /** All partitions of the group are at their end. */
  inputEnded(): void
  /** The job cannot go on; earlier outputs are still delivered. */
  failed(error: unknown): void
  /** These partitions are ours now. */
  owned(partitions: readonly string[]): void
  lost(partition: string, error: KVError): void
}

/**
 * Processes the partitions that this member of the group owns, independently of each other: the records of each come
 * out in order, and a failure of one does not hold up the others. Completes when the group is left.
 */
export function processPartitions<T, V, R, C>(
  plan: Plan<T, V, R, C>,
  context: JobContext<V, C>,
  input: PartitionedInput<T, unknown>,
  hooks: PartitionsHooks<T>,
): Observable<never> {
  const { store } = context
  const { group = plan.name } = plan
  const partitions$ = input.partitions$.pipe(shareReplay({ bufferSize: 1, refCount: true }))
  const names = new Set<string>()
  const changed = (): void => hooks.owned([...names].sort())
  const process$ = (owned: OwnedPartition): Observable<never> => {
    const { partition } = owned
    return defer(() => {
      names.add(partition)
      changed()
      return processOwned$(plan, context, input, owned, hooks, finish$(store, group, owned))
    }).pipe(
      finalize(() => {
        names.delete(partition)
        changed()
        owned.done()
      }),
    )
  }
  let stopping = false
  const left = (): void => {
    if (!stopping) hooks.failed(new KVError('CLOSED', 'the store is closed'))
  }
  return merge(
    hooks.stop$.pipe(
      take(1),
      tap(() => {
        stopping = true
      }),
      ignoreElements(),
    ),
    ownPartitions$(store, { group, partitions$, leave$: hooks.stop$, lag: input.lag?.bind(input) }).pipe(
      tap({ complete: left }),
      mergeMap(process$),
    ),
    allFinished$(store, group, partitions$).pipe(
      tap({ complete: () => hooks.inputEnded() }),
      takeUntil(hooks.stop$),
    ),
  )
}

/** Processes a partition until it ends, must be given up, or is lost. */
function processOwned$<T, V, R, C>(
  plan: Plan<T, V, R, C>,
  context: JobContext<V, C>,
  input: PartitionedInput<T, unknown>,
  owned: OwnedPartition,
  hooks: PartitionsHooks<T>,
  finish$: Observable<never>,
): Observable<never> {
  const { store } = context
  const { partition, fences } = owned
  let hasEnded = false
  let failure: { readonly error: unknown } | undefined
  let isGivenUp = false
  const failed = (error: unknown): void => {
    failure ??= { error }
  }
  const progress = new Progress(input, partition, error => {
    // The next position will be reported nevertheless.
    if (!isPassing(error)) hooks.failed(error)
  })
  const sourceOf = (journal: Journal | undefined): Source<Delivered<T, unknown>, T, V> => {
    // Committed records whose outputs were not taken come first.
    const after = beginOf(fences, journal).position
    return {
      items$: defer(() => pull$(input.read(partition, after))),
      partition,
      recordOf: ({ record }) => record,
      positionOf: item => item.position,
      options: { partition: owned, positionOf: item => item.position, commitSize: COMMIT_SIZE },
      journal,
      stop$: owned.release$,
      ended: () => {
        hasEnded = true
      },
      failed,
      taken: item => progress.tell(item.position),
      reached: () => progress.tell(beginOf(fences, journal).position),
    }
  }
  /** Pauses, then takes the partition up again from its durable position, unless another member should own it. */
  const pause$ = (error: KVError): Observable<never> => {
    isGivenUp = true
    hooks.lost(partition, error)
    return merge(
      timer(PAUSE, hooks.scheduler).pipe(map(() => true)),
      owned.release$.pipe(map(() => false)),
    ).pipe(
      take(1),
      tap(isOurs => isOurs && fences[0].fenced(error)),
      ignoreElements(),
    )
  }
  const end$ = (journal: Journal | undefined): Observable<never> =>
    defer(() => {
      if (failure === undefined) {
        const told$ = concat(progress.told$, writeTaken$(store, fences, journal))
        return hasEnded ? concat(told$, finish$) : told$
      }
      const { error } = failure
      if (isPassing(error)) return pause$(error)
      hooks.failed(error)
      return writeTaken$(store, fences, journal)
    })
  return journal$(plan, store, fences).pipe(
    map(journal => concat(pipeline(plan, context, sourceOf(journal), hooks), end$(journal))),
    catchError(error => {
      failed(error)
      return of(end$(undefined))
    }),
    mergeMap(work$ => work$),
    takeUntil(
      owned.lost$.pipe(
        tap(error => {
          if (!isGivenUp) hooks.lost(partition, error)
        }),
      ),
    ),
  )
}
