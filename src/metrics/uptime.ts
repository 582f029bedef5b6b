import type { Observable, Subscription } from 'rxjs'
import type { Status } from '../engine.ts'

/** How long a store was up, from its `status$`: `connected` is up. */
export class Uptime {
  readonly #now: () => number
  readonly #subscription: Subscription
  #up = 0
  #upSince: number | undefined

  constructor(status$: Observable<Status>, now: () => number) {
    this.#now = now
    this.#subscription = status$.subscribe({
      next: ({ state }) => this.#set(state === 'connected'),
      error: () => this.#set(false),
    })
  }

  /** Milliseconds up until `now`. */
  until(now: number): number {
    return this.#up + (this.#upSince === undefined ? 0 : now - this.#upSince)
  }

  stop(): void {
    this.#subscription.unsubscribe()
  }

  #set(up: boolean): void {
    const now = this.#now()
    this.#up = this.until(now)
    this.#upSince = up ? now : undefined
  }
}
