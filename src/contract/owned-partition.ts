import type { Observable, OperatorFunction } from 'rxjs'
import type { KVError } from '../base/errors.ts'
import type { Write } from './engine.ts'

/** How far a partition came. */
export interface Taken<P = unknown> {
  readonly position: P | undefined
  readonly records: number
}

/** What the node of a partition says of what is due, where timers are kept. */
export interface DueState {
  /** The segments of its index: those that are there are from `first` up to `next`, which will be the next. */
  readonly first: number
  readonly next: number
  /** What was due up to this time was looked at. */
  readonly until?: number | undefined
  /** How far time had come by its records, where they have times. */
  readonly time?: number | undefined
  /** The newest time of each of the lanes that they come in, where there are several; `null` where there is none. */
  readonly lanes?: readonly (number | null)[] | undefined
}

/** What the node of a partition says, besides who set it last. A store over several ensembles has one in each. */
export interface PartitionState<P> {
  /** How far the partition was processed, as far as the keys of this ensemble go; `undefined` before its first commit. JSON. */
  readonly position: P | undefined
  /** How many records of the partition that is, whosever keys they have. */
  readonly records: number
  /**
   * Up to where everything is done: committed in all ensembles, and the outputs taken, where that is kept. As far as records
   * were committed, where it is absent.
   */
  readonly taken?: Taken<P> | undefined
  /** What is due, where timers are kept. */
  readonly due?: DueState | undefined
}

/** Up to where a node says that everything is done. */
const doneIn = <P>({ position, records, taken }: PartitionState<P>): Taken<P> =>
  taken ?? { position, records }

/**
 * After what a partition is to be read: there is nothing left to do before it in any ensemble. Later records are committed
 * in those whose own state says so.
 *
 * @param outputs whether outputs that were not taken are to be made again
 */
export function startOf<P>(states: readonly PartitionState<P>[], outputs: boolean): Taken<P> {
  if (states.length === 1 && !outputs) return { position: states[0]!.position, records: states[0]!.records }
  // What one says was true when it was written, and still is.
  return states.map(doneIn).reduce((a, b) => (b.records > a.records ? b : a))
}

/**
 * The node of an owned partition: its position, its fence and the chain of its commits at once. Each commit carries
 * {@link write} beside the state, on condition of the version that the commit before leaves; so none of an owner that
 * lost the partition is carried out, nor one after one that was not. What is durable is kept here, which commits are
 * under way is the caller's to know.
 */
export interface Fence<P> {
  /** The address of the node: the `key` of the error where its version was another. */
  readonly node: string
  /** The version that the last durable commit left. */
  readonly version: number
  /** What the node says at that version. */
  readonly state: PartitionState<P>
  /**
   * Sets the node in a commit, if it has that version; leaves the version after it. `INVALID_ARGUMENT` for what is no
   * JSON.
   */
  write(state: PartitionState<P>, ifVersion: number): Write
  /** A commit is durable that left this version and state; in the order of the versions. */
  committed(version: number, state: PartitionState<P>): void
  /**
   * The node had another version than every commit of ours leaves: the partition is given up at once. Gives the error
   * to fail with, `FENCED`.
   */
  fenced(cause: KVError): KVError
}

/**
 * A partition that this member of the group owns, until it is asked to give it up ({@link release$}) and says that it
 * has finished ({@link done}), or loses it ({@link lost$}).
 */
export interface OwnedPartition<P = unknown> {
  /** Its name in the input. */
  readonly partition: string
  /** How far it had been processed when it was taken over; `undefined` where it never was. */
  readonly position: P | undefined
  /** What commits of its records carry: one for each ensemble of the store, in their order. */
  readonly fences: readonly [Fence<P>, ...Fence<P>[]]
  /**
   * Emits once and completes when another member should own it: take no more records, finish the commits under way,
   * then call {@link done}. Also when it is lost. Replays.
   */
  readonly release$: Observable<void>
  /**
   * Emits once and completes when it is lost: nothing of it can be committed any more. Replays; completes without, once
   * let go.
   */
  readonly lost$: Observable<KVError>
  /** All is finished: it is let go now, or as soon as another should own it. */
  done(): void
  /**
   * Processes records of it: takes from `source` until it is to be given up, completes when `pipeline` has completed,
   * and lets go then. Where it was lost meanwhile, completes without the rest.
   */
  run$<T, R>(source: Observable<T>, pipeline: OperatorFunction<T, R>): Observable<R>
}
