/**
 * Work that is done once for all who ask for it in a burst.
 *
 * With `defer`, a store's, at the end of the turn. Without it at once, for a store of another make has no clock that is
 * known here; but not within itself: asked for while it is done, it is done again afterwards.
 */
export class Soon {
  readonly #work: () => void
  readonly #defer: ((work: () => void) => void) | undefined
  #asked = false
  #working = false
  #stopped = false

  constructor(work: () => void, defer: ((work: () => void) => void) | undefined) {
    this.#work = work
    this.#defer = defer
  }

  ask(): void {
    if (this.#asked) return
    this.#asked = true
    if (this.#defer !== undefined) this.#defer(this.#run)
    else if (!this.#working) this.#run()
  }

  stop(): void {
    this.#stopped = true
  }

  readonly #run = (): void => {
    this.#working = true
    do {
      this.#asked = false
      if (!this.#stopped) this.#work()
    } while (this.#asked && this.#defer === undefined)
    this.#working = false
  }
}
