import { Observable } from 'rxjs'
import { Queue } from '../base/queue.ts'

/** One emission of an operator, with what comes of it at once. */
export interface Step {
  /** How many of its results were not taken. */
  left: number
  isOver: boolean
}

/**
 * Tells which emissions of an operator in the middle of a pipeline are done, in their order: those of which all that came out
 * below has been taken.
 */
export class Steps {
  /** The emission that is being made. */
  current: Step | undefined
  readonly #undone = new Queue<Step>()
  readonly #done: () => void

  constructor(done: () => void) {
    this.#done = done
  }

  /** Does `work`, which is one emission. */
  make(work: () => void): void {
    const outer = this.current
    const step: Step = { left: 0, isOver: false }
    this.current = step
    this.#undone.push(step)
    try {
      work()
    } finally {
      this.current = outer
      step.isOver = true
      this.#advance()
    }
  }

  /** Each emission of `source$` is one. */
  watch<R>(source$: Observable<R>): Observable<R> {
    return new Observable(subscriber =>
      source$.subscribe({
        next: output => this.make(() => subscriber.next(output)),
        error: error => subscriber.error(error),
        complete: () => subscriber.complete(),
      }),
    )
  }

  /** A result of this emission was taken. */
  taken(step: Step): void {
    step.left--
    this.#advance()
  }

  #advance(): void {
    for (let next = this.#undone.peek(); next?.isOver && next.left === 0; next = this.#undone.peek()) {
      this.#undone.shift()
      this.#done()
    }
  }
}
