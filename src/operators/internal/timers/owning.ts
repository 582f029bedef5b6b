import { Observable, type OperatorFunction, type Subscriber } from 'rxjs'
import { currentDemand, type Demand, withDemand } from '../../../base/demand.ts'
import { KVError } from '../../../base/errors.ts'
import { nodeKey } from '../../../contract/nodes.ts'
import type { Fence } from '../../../contract/owned-partition.ts'
import type { Access } from '../../../store/access.ts'
import { claimFence } from '../../../store/claim.ts'

/** Holds back the records of a source, and a source that can be paused, until somebody takes them. */
class Waiting<T> implements Demand {
  readonly records$: Observable<T>
  readonly #early: T[] = []
  #resumes: (() => void)[] = []
  #taker: Subscriber<T> | undefined
  #demand: Demand | undefined
  #hasCompleted = false

  constructor() {
    this.records$ = new Observable(taker => {
      this.#taker = taker
      this.#demand = currentDemand()
      for (const record of this.#early) taker.next(record)
      if (this.#hasCompleted) taker.complete()
      else for (const resume of this.#resumes) this.whenOpen(resume)
      this.#resumes = []
    })
  }

  get open(): boolean {
    return this.#taker !== undefined && (this.#demand === undefined || this.#demand.open)
  }

  whenOpen(resume: () => void): void {
    if (this.#taker === undefined) this.#resumes.push(resume)
    else if (this.#demand === undefined) resume()
    else this.#demand.whenOpen(resume)
  }

  next(record: T): void {
    if (this.#taker === undefined) this.#early.push(record)
    else this.#taker.next(record)
  }

  complete(): void {
    this.#hasCompleted = true
    this.#taker?.complete()
  }
}

/** Takes over, under a name, the node that a process loop is fenced by which has no partition, and then begins. */
export const owning =
  <T, R, V>(
    access: Access<V>,
    name: string,
    begin: (fence: Fence<unknown>) => OperatorFunction<T, R>,
  ): OperatorFunction<T, R> =>
  source =>
    new Observable(destination => {
      const below = currentDemand()
      const waiting = new Waiting<T>()
      withDemand(waiting, () =>
        destination.add(
          source.subscribe({
            next: record => waiting.next(record),
            error: error => destination.error(error),
            complete: () => waiting.complete(),
          }),
        ),
      )
      if (destination.closed) return
      claimFence(
        access,
        nodeKey('timers', name),
        name,
        () => destination.closed,
        end => {
          if (end instanceof KVError) destination.error(end)
          else withDemand(below, () => waiting.records$.pipe(begin(end)).subscribe(destination))
        },
      )
    })
