import type { Subscription } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { Timing } from '../base/timing.ts'
import type { Engine, Stored, WatchSignal, Write, Written } from '../contract/engine.ts'
import { passes, RETRY_PAUSE } from './retries.ts'

/** Gets every answer before the caller does: how the cache and the watches learn about them. */
export interface Observer {
  /** Whether there are listeners. */
  readonly active: boolean
  read(keys: readonly string[], results: readonly (Stored | undefined | KVError)[]): void
  written(writes: readonly Write[], results: readonly (Written | KVError)[]): void
}

/** A listener to the changes of a store. */
export interface Listener {
  /** From now on every change is signalled; anything may have changed before. */
  armed(): void
  /** Changes may be missed from now on. */
  disarmed(): void
  changed(keys: readonly string[]): void
  /** A read of `key` was just answered; the answer includes all changes signalled before. */
  read?(key: string, stored: Stored | undefined): void
  /** A put was acknowledged. Unlike a read's, the answer may come later than the signal of a newer change. */
  put?(key: string, stored: Stored): void
  /** There will be no more signals: the engine was closed, or its watch failed with a permanent error. */
  ended(error: KVError | undefined): void
}

/** Shares one watch of the engine among all listeners; there is none while nobody listens. */
export class Hub implements Observer {
  readonly #engine: Engine
  readonly #timing: Timing
  readonly #listeners = new Set<Listener>()
  #subscription: Subscription | undefined
  /** The pause before a failed watch is set again. */
  #pause: Subscription | undefined
  /** Whether all changes are being signalled. */
  armed = false

  constructor(engine: Engine, timing: Timing) {
    this.#engine = engine
    this.#timing = timing
  }

  get active(): boolean {
    return this.#listeners.size > 0
  }

  add(listener: Listener): void {
    this.#listeners.add(listener)
    if (this.armed) listener.armed()
    else if (this.#listeners.size === 1) this.#watch()
  }

  remove(listener: Listener): void {
    if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return
    this.armed = false
    this.#pause?.unsubscribe()
    this.#subscription?.unsubscribe()
    this.#subscription = undefined
  }

  read(keys: readonly string[], results: readonly (Stored | undefined | KVError)[]): void {
    for (const listener of this.#listeners) {
      if (listener.read === undefined) continue
      for (let i = 0; i < results.length; i++) {
        const result = results[i]
        if (!(result instanceof KVError)) listener.read(keys[i]!, result)
      }
    }
  }

  written(writes: readonly Write[], results: readonly (Written | KVError)[]): void {
    for (const listener of this.#listeners) {
      if (listener.put === undefined) continue
      for (let i = 0; i < results.length; i++) {
        const write = writes[i]!
        const result = results[i]!
        if (write.type !== 'put' || result instanceof KVError) continue
        listener.put(write.key, { value: write.value, version: result.version, revision: result.revision })
      }
    }
  }

  #watch(): void {
    this.#subscription = this.#engine.watch().subscribe({
      next: signal => this.#signalled(signal),
      error: (error: unknown) => this.#failed(KVError.from(error, 'ENGINE', 'the watch failed')),
      complete: () => this.#ended(undefined),
    })
  }

  /** After a transient error the watch is set again: to listeners this looks like a lost connection. */
  #failed(error: KVError): void {
    if (!passes(error)) {
      this.#ended(error)
      return
    }
    this.#signalled({ type: 'disarmed' })
    if (this.#listeners.size > 0) this.#pause = this.#timing.after(RETRY_PAUSE, () => this.#watch())
  }

  #ended(error: KVError | undefined): void {
    this.armed = false
    const listeners = [...this.#listeners]
    this.#listeners.clear()
    for (const listener of listeners) listener.ended(error)
  }

  #signalled(signal: WatchSignal): void {
    this.armed = signal.type !== 'disarmed'
    const listeners = [...this.#listeners]
    if (signal.type === 'changed') for (const listener of listeners) listener.changed(signal.keys)
    else if (signal.type === 'armed') for (const listener of listeners) listener.armed()
    else for (const listener of listeners) listener.disarmed()
  }
}
