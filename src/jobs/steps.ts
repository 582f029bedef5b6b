import { Observable } from 'rxjs'
import { Queue } from '../base/queue.ts'

/** One emission of an operator, with the results that it causes synchronously. */
export interface Step {
  /** How many of its results are not taken yet. */
  left: number
  isOver: boolean
}

/**
 * Tracks the emissions of an operator inside a pipeline. An emission is done when all results that it caused have been
 * taken; `done` is called for each, in order.
 */
export class Steps {
  /** The current emission. */
  current: Step | undefined
  readonly #undone = new Queue<Step>()
  readonly #done: () => void

  constructor(done: () => void) {
    this.#done = done
  }

  /** Runs `work` as one emission. */
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

  /** Tracks every emission of `source$`. */
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
