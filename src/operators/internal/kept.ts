import type { Observable } from 'rxjs'
import type { Journal } from './journal.ts'

/** What a job keeps of a partition beside its position, for the operator of its pipeline that commits. */
export interface Kept {
  readonly journal: Journal | undefined
  /** Passes on what the operator emits, and watches what comes of it. */
  watch<R>(output$: Observable<R>): Observable<R>
}

const keptOfPartition = new WeakMap<object, Kept>()

/** From now on, the operator that is given this `partition` works with `kept`. */
export const keepWith = (partition: object, kept: Kept): void => {
  keptOfPartition.set(partition, kept)
}

export const keptOf = (partition: object | undefined): Kept | undefined =>
  partition && keptOfPartition.get(partition)
