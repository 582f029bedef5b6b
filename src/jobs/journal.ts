import { Observable, of } from 'rxjs'
import { KVError } from '../base/errors.ts'
import { type OwnedPartition, startOf } from '../contract/owned-partition.ts'
import { Journal } from '../operators/internal/journal.ts'
import { accessOf } from '../store/access.ts'
import { CommitBy } from '../store/asked.ts'
import type { AnyStore, KVStore } from '../store/kv-store.ts'
import type { Plan } from './plan.ts'

/**
 * The journal of the outputs of what these fences guard, as it was left; none where nobody takes outputs. Then
 * everything committed counts as taken.
 */
export function journal$<T, V, R, C>(
  { output, deadLetter }: Plan<T, V, R, C>,
  store: KVStore<V>,
  fences: OwnedPartition['fences'],
): Observable<Journal | undefined> {
  const all = typeof output === 'function'
  if (!all && typeof deadLetter !== 'function') return of(undefined)
  return new Observable(subscriber =>
    Journal.load(accessOf(store), fences[0].node, statesOf(fences), all, loaded => {
      if (loaded instanceof KVError) subscriber.error(loaded)
      else {
        subscriber.next(loaded)
        subscriber.complete()
      }
    }),
  )
}

const statesOf = (fences: OwnedPartition['fences']) => fences.map(({ state }) => state)

/**
 * Writes down which outputs were taken, where the commits do not say so yet, and completes. Where that fails, they are
 * given out again: it fails only where another has taken over.
 */
export function writeTaken$(
  store: AnyStore,
  fences: OwnedPartition['fences'],
  journal: Journal | undefined,
): Observable<never> {
  return new Observable(subscriber => {
    // What one shard says holds for all.
    const [fence] = fences
    const { version, state } = fence
    const taken = journal?.outputs.start
    if (taken === undefined || taken.records === startOf(statesOf(fences), true).records) {
      subscriber.complete()
      return
    }
    const next = { ...state, taken }
    accessOf(store).commit(
      [],
      new CommitBy(
        () => subscriber.closed,
        ([written]) => {
          fence.committed(written!.version, next)
          subscriber.complete()
        },
        error => {
          if (error.code === 'VERSION_CONFLICT') subscriber.error(fence.fenced(error))
          else subscriber.complete()
        },
      ),
      { nodes: [fence.write(next, version)] },
    )
  })
}
