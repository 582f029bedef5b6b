import type { Observable, Subscription } from 'rxjs'
import type { Status } from '../contract/engine.ts'

/** How long a store has been up, that is `connected`, from its `status$`. */
export class Uptime {
  #now: () => number
  readonly #subscription: Subscription
  #up = 0
  #upSince: number | undefined

  /** @param began the time from which the replayed state counts */
  constructor(status$: Observable<Status>, now: () => number, began: number) {
    this.#now = () => began
    this.#subscription = status$.subscribe({
      next: ({ state }) => this.#set(state === 'connected'),
      error: () => this.#set(false),
    })
    this.#now = now
  }

  /** The milliseconds that it was up, until `now`. */
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
