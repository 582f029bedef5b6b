import type { Observable, Subscription } from 'rxjs'
import type { Status } from '../contract/engine.ts'

/** How long a store was up, from its `status$`: `connected` is up. */
export class Uptime {
  #now: () => number
  readonly #subscription: Subscription
  #up = 0
  #upSince: number | undefined

  /** @param began the time from which the state that is replayed counts */
  constructor(status$: Observable<Status>, now: () => number, began: number) {
    this.#now = () => began
    this.#subscription = status$.subscribe({
      next: ({ state }) => this.#set(state === 'connected'),
      error: () => this.#set(false),
    })
    this.#now = now
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
