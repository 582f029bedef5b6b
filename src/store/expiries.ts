import type { Subscription } from 'rxjs'
import { Heap } from '../base/heap.ts'
import type { Timing } from '../base/timing.ts'

/** The longest delay of a Node timer, in milliseconds. */
const MAX_DELAY = 2_147_483_647

/** Something whose value may expire. */
export interface Expiring {
  /** When its value expires, in milliseconds since 1970; `Infinity` if it does not. */
  expires: number
}

/** Signals when watched values expire. */
export class Expiries<F extends Expiring> {
  readonly #timing: Timing
  readonly #expired: (followed: F) => void
  readonly #due = new Heap<{ readonly at: number; readonly followed: F }>()
  #timer: Subscription | undefined
  /** When the timer ends. */
  #at = Number.POSITIVE_INFINITY

  constructor(timing: Timing, expired: (followed: F) => void) {
    this.#timing = timing
    this.#expired = expired
  }

  /** Sets, or replaces, the expiry of `followed`. */
  set(followed: F, at: number): void {
    if (followed.expires === at) return
    followed.expires = at
    if (at === Number.POSITIVE_INFINITY) return
    this.#due.push({ at, followed })
    this.#wake()
  }

  stop(): void {
    this.#timer?.unsubscribe()
    this.#due.remove(() => true)
    this.#at = Number.POSITIVE_INFINITY
  }

  #wake(): void {
    const at = this.#due.peek()?.at ?? Number.POSITIVE_INFINITY
    if (at >= this.#at) return
    this.#timer?.unsubscribe()
    this.#at = at
    const delay = Math.min(Math.max(0, Math.ceil(at - this.#timing.date())), MAX_DELAY)
    this.#timer = this.#timing.after(delay, () => this.#look())
  }

  #look(): void {
    this.#at = Number.POSITIVE_INFINITY
    const now = this.#timing.date()
    for (let next = this.#due.peek(); next !== undefined && next.at <= now; next = this.#due.peek()) {
      this.#due.pop()
      const { at, followed } = next
      if (followed.expires === at) this.#expired(followed)
    }
    this.#wake()
  }
}
