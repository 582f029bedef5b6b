import {
  catchError,
  EMPTY,
  finalize,
  Observable,
  type OperatorFunction,
  ReplaySubject,
  takeUntil,
  throwError,
} from 'rxjs'
import { KVError } from '../base/errors.ts'
import { type OwnedPartition, startOf } from '../contract/owned-partition.ts'
import { NodeFence } from '../store/fence.ts'
import type { GroupTally } from '../store/group-tally.ts'
import type { PartitionRecord } from '../store/partition-record.ts'

/** What a claim has brought in a shard. */
export interface ClaimedShard<P> {
  readonly version: number
  readonly record: PartitionRecord<P>
}

/** What a claim has brought. */
export interface Claimed<P> {
  readonly node: string
  readonly shards: readonly [ClaimedShard<P>, ...ClaimedShard<P>[]]
}

/** A partition that a member owns: the consumer's view of it, and the member's. */
export class Holding<P> implements OwnedPartition<P> {
  readonly partition: string
  readonly position: P | undefined
  readonly fences: readonly [NodeFence<P>, ...NodeFence<P>[]]
  readonly #release$ = new ReplaySubject<void>(1)
  readonly #lost$ = new ReplaySubject<KVError>(1)
  readonly release$: Observable<void> = this.#release$.asObservable()
  readonly lost$: Observable<KVError> = this.#lost$.asObservable()
  readonly #changed: () => void
  #asked = false
  #finished = false
  #over = false

  /** `changed` is called when the consumer has finished with the partition, or lost it. */
  constructor(
    partition: string,
    owner: string,
    { node, shards: [first, ...rest] }: Claimed<P>,
    tally: GroupTally,
    changed: () => void,
  ) {
    const fenceOf = ({ version, record: { owner: _, ...state } }: ClaimedShard<P>) =>
      new NodeFence({ node, partition, owner }, version, state, error => {
        tally.fenced++
        this.lose(error)
      })
    this.partition = partition
    this.fences = [fenceOf(first), ...rest.map(fenceOf)]
    this.position = this.progress
    this.#changed = changed
  }

  /** How far it is processed. */
  get progress(): P | undefined {
    const states = this.fences.map(({ state }) => state)
    return startOf(states, false).position
  }

  /** How many commits of it are under way. */
  get underWay(): number {
    return this.fences.reduce((sum, { underWay }) => sum + underWay, 0)
  }

  /** Whether it was lost or let go. */
  get over(): boolean {
    return this.#over
  }

  /** Whether the consumer, when asked, has given it up. */
  get released(): boolean {
    return this.#asked && this.#finished
  }

  /** Whether the consumer was asked to give it up. */
  get asked(): boolean {
    return this.#asked
  }

  /** Asks the consumer to give it up. */
  ask(): void {
    if (this.#asked) return
    this.#asked = true
    this.#release$.next()
    this.#release$.complete()
  }

  done(): void {
    if (this.#finished) return
    this.#finished = true
    if (!this.#over) this.#changed()
  }

  /** It is lost: nothing that the consumer commits will be carried out. */
  lose(error: KVError): void {
    if (this.#over) return
    this.#over = true
    this.#lost$.next(error)
    this.#lost$.complete()
    this.ask()
    this.#changed()
  }

  /** It was let go, in good order. */
  end(): void {
    if (this.#over) return
    this.#over = true
    this.ask()
    this.#lost$.complete()
  }

  run$<T, R>(source: Observable<T>, pipeline: OperatorFunction<T, R>): Observable<R> {
    return new Observable<R>(subscriber =>
      source
        .pipe(
          takeUntil(this.release$),
          pipeline,
          takeUntil(this.lost$),
          catchError((error: unknown) =>
            error instanceof KVError && error.code === 'FENCED' && this.#over
              ? EMPTY
              : throwError(() => error),
          ),
          finalize(() => this.done()),
        )
        .subscribe(subscriber),
    )
  }
}
