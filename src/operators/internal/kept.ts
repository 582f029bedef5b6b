import type { Observable } from 'rxjs'
import type { Journal } from './journal.ts'

/** What a job keeps with a partition, for the committing operator of its pipeline. */
export interface Kept {
  readonly journal: Journal | undefined
  /** Passes the outputs of the operator on, and tracks their results. */
  watch<R>(output$: Observable<R>): Observable<R>
}

const keptOfPartition = new WeakMap<object, Kept>()

/** Makes the operator that gets this `partition` use `kept`. */
export const keepWith = (partition: object, kept: Kept): void => {
  keptOfPartition.set(partition, kept)
}

export const keptOf = (partition: object | undefined): Kept | undefined =>
  partition && keptOfPartition.get(partition)
