import { Observable, type OperatorFunction, Subscriber } from 'rxjs'

/** Emits, one after the other, what is made of each value. */
class Flattening<T, R> extends Subscriber<T> {
  readonly #downstream: Subscriber<R>
  readonly #make: (value: T) => readonly R[]

  constructor(downstream: Subscriber<R>, make: (value: T) => readonly R[]) {
    super(downstream)
    this.#downstream = downstream
    this.#make = make
  }

  protected override _next(value: T): void {
    let all: readonly R[]
    try {
      all = this.#make(value)
    } catch (error) {
      this.#downstream.error(error)
      return
    }
    for (let i = 0; i < all.length && !this.#downstream.closed; i++) this.#downstream.next(all[i]!)
  }
}

/** As `mergeMap` of arrays, which subscribes to each; this is done for every record. */
export const flatten =
  <T, R>(make: (value: T) => readonly R[]): OperatorFunction<T, R> =>
  source =>
    new Observable(destination => source.subscribe(new Flattening(destination, make)))
