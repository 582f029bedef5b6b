import { Observable, type OperatorFunction, Subscriber } from 'rxjs'
import { Capacity, currentDemand, subscribeWithDemand } from '../../base/demand.ts'

/** The part of an operator that takes the records of its source. */
export interface Sink<T> {
  next(record: T): void
  /** The source has completed; the sink completes its destination when all records that it holds are done. */
  complete(): void
  /** The subscriber has gone: releases everything. */
  stop(): void
}

/** Stands between the source and a sink. An error of the source passes at once, as in RxJS's own operators. */
class Upstream<T> extends Subscriber<T> {
  readonly #downstream: Subscriber<unknown>
  readonly #sink: Sink<T>

  constructor(downstream: Subscriber<unknown>, sink: Sink<T>) {
    super(downstream)
    this.#downstream = downstream
    this.#sink = sink
  }

  protected override _next(record: T): void {
    this.#sink.next(record)
  }

  protected override _error(error: unknown): void {
    this.#downstream.error(error)
    this.unsubscribe()
  }

  protected override _complete(): void {
    this.#sink.complete()
    this.unsubscribe()
  }
}

/** Makes an operator of a sink; it holds up to `limit` records before it pauses its source. */
export const operate =
  <T, R>(
    limit: number,
    begin: (destination: Subscriber<R>, capacity: Capacity) => Sink<T>,
  ): OperatorFunction<T, R> =>
  source =>
    new Observable(destination => {
      const capacity = new Capacity(limit, currentDemand())
      const sink = begin(destination, capacity)
      destination.add(() => {
        capacity.shut()
        sink.stop()
      })
      subscribeWithDemand(source, capacity, new Upstream(destination, sink))
    })
