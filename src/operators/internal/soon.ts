import { asapScheduler, type Subscription } from 'rxjs'

/**
 * Work that is done once for all who ask for it in a burst: as soon as the synchronous code that runs now has ended.
 *
 * A scheduler of RxJS is used so that it happens on virtual time within `TestScheduler.run`.
 */
export class Soon {
  readonly #work: () => void
  #task: Subscription | undefined

  constructor(work: () => void) {
    this.#work = work
  }

  ask(): void {
    this.#task ??= asapScheduler.schedule(() => {
      this.#task = undefined
      this.#work()
    })
  }

  stop(): void {
    this.#task?.unsubscribe()
    this.#task = undefined
  }
}
