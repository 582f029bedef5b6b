import type { Subscription } from 'rxjs'
import type { Engine } from '../contract/engine.ts'

/** Collects the changed keys of an engine since they were last taken. */
export class Changes {
  #keys = new Set<string>()
  #armed = false
  #failure: { readonly error: unknown } | undefined
  #whenTold: (() => void) | undefined
  readonly #subscription: Subscription
  /** How often changes may have been missed. */
  gaps = 0

  constructor(engine: Engine) {
    this.#subscription = engine.watch().subscribe({
      next: signal => {
        if (signal.type === 'changed') for (const key of signal.keys) this.#keys.add(key)
        else {
          this.#armed = signal.type === 'armed'
          if (!this.#armed) this.gaps++
        }
        this.#whenTold?.()
      },
      error: error => {
        this.#failure = { error }
        this.#whenTold?.()
      },
    })
  }

  get size(): number {
    return this.#keys.size
  }

  /** Takes at most this many of the keys. */
  take(most: number): string[] {
    const taken: string[] = []
    for (const key of this.#keys) {
      if (taken.length === most) break
      taken.push(key)
      this.#keys.delete(key)
    }
    return taken
  }

  /** Waits until all changes are being signalled. */
  async armed(signal: AbortSignal): Promise<void> {
    while (!this.#armed) {
      if (this.#failure !== undefined) throw this.#failure.error
      await new Promise<void>((resolve, reject) => {
        this.#whenTold = resolve
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      })
    }
  }

  [Symbol.dispose](): void {
    this.#subscription.unsubscribe()
  }
}
