import type { Subscriber } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { Timing } from '../base/timing.ts'
import { versionAfter } from '../contract/conditions.ts'
import type { Stored } from '../contract/engine.ts'
import type { Batcher } from './batcher.ts'
import type { Encoding } from './encoding.ts'
import { Expiries } from './expiries.ts'
import { expiryOf } from './header.ts'
import type { Hub, Listener } from './hub.ts'
import { Followed, Refresher } from './refresher.ts'

/** Identifies a state of a key: its revision, or that it is absent. */
type Stamp = number | 'absent'

const stampOf = (stored: Stored | undefined): Stamp => stored?.revision ?? 'absent'

/** One subscription of `watch$`. */
interface Watcher<V> {
  readonly subscriber: Subscriber<V | undefined>
  /** The last emitted state. */
  stamp: Stamp | undefined
}

/** A watched key, shared by all its watchers. */
class KeyWatch<V> extends Followed {
  readonly watchers: Set<Watcher<V>> = new Set()
  stamp: Stamp | undefined
  version = -1
  value: V | undefined
  /** The number of changes signalled since. */
  changes = 0
  /** Whether the state is known, and guarded by the watch. */
  current = false
  expires = Number.POSITIVE_INFINITY

  emit(): void {
    for (const watcher of this.watchers) this.emitTo(watcher)
  }

  emitTo(watcher: Watcher<V>): void {
    if (watcher.stamp === this.stamp) return
    watcher.stamp = this.stamp
    watcher.subscriber.next(this.value)
  }
}

/** The watched keys of a store. */
export class Watches<V> implements Listener {
  readonly #keys = new Map<string, KeyWatch<V>>()
  readonly #hub: Hub
  readonly #encoding: Encoding<V>
  readonly #expiries: Expiries<KeyWatch<V>>
  readonly #refresher: Refresher<KeyWatch<V>>

  constructor(hub: Hub, batcher: Batcher, timing: Timing, timeout: number, encoding: Encoding<V>) {
    this.#hub = hub
    this.#encoding = encoding
    this.#expiries = new Expiries(timing, watch => this.#show(watch, undefined))
    this.#refresher = new Refresher(batcher, timing, timeout, (watch, result) =>
      this.#refreshed(watch, result),
    )
  }

  /** Emits the value of `key` now and at every change, until unsubscribed. */
  add(key: string, subscriber: Subscriber<V | undefined>): void {
    const watcher: Watcher<V> = { subscriber, stamp: undefined }
    let watch = this.#keys.get(key)
    const isNew = watch === undefined
    if (watch === undefined) {
      watch = new KeyWatch(key)
      this.#keys.set(key, watch)
    }
    watch.watchers.add(watcher)
    subscriber.add(() => this.#remove(key, watcher))
    if (this.#keys.size === 1 && isNew) this.#hub.add(this)
    else if (isNew && this.#hub.armed) this.#refresher.touch(watch)
    else if (watch.current) watch.emitTo(watcher)
  }

  armed(): void {
    for (const watch of this.#keys.values()) {
      // It is unknown how many were missed: a put of our own cannot account for them.
      watch.changes = Number.NaN
      this.#refresher.touch(watch)
    }
  }

  disarmed(): void {
    for (const watch of this.#keys.values()) watch.current = false
  }

  changed(keys: readonly string[]): void {
    for (const key of keys) {
      const watch = this.#keys.get(key)
      if (watch === undefined) continue
      watch.changes++
      watch.current = false
      this.#refresher.touch(watch)
    }
  }

  /**
   * A put of our own need not be read back if it accounts for all signals: each signal is one write, and each write
   * adds one to the version.
   */
  put(key: string, stored: Stored): void {
    const watch = this.#keys.get(key)
    if (watch === undefined || typeof watch.stamp !== 'number' || !this.#hub.armed) return
    if (stored.version !== versionAfter(watch.version, watch.changes) || stored.revision <= watch.stamp)
      return
    this.#refresher.forget(watch)
    this.#learn(watch, stored)
  }

  ended(error: KVError | undefined): void {
    const watches = [...this.#keys.values()]
    // Cleared before watchers are notified: one that subscribes again at once gets a new watch.
    this.#keys.clear()
    this.#expiries.stop()
    for (const watch of watches) {
      this.#refresher.forget(watch)
      for (const { subscriber } of [...watch.watchers]) {
        if (error !== undefined) subscriber.error(error)
        else subscriber.complete()
      }
    }
  }

  #remove(key: string, watcher: Watcher<V>): void {
    const watch = this.#keys.get(key)
    // Absent if the watch has ended, or was started again since.
    if (!watch?.watchers.delete(watcher) || watch.watchers.size > 0) return
    this.#keys.delete(key)
    this.#refresher.forget(watch)
    if (this.#keys.size === 0) this.#leave()
  }

  #leave(): void {
    this.#expiries.stop()
    this.#hub.remove(this)
  }

  #refreshed(watch: KeyWatch<V>, result: Stored | undefined | KVError): void {
    if (result instanceof KVError) this.#fail(watch, result)
    else this.#learn(watch, result)
  }

  #learn(watch: KeyWatch<V>, stored: Stored | undefined): void {
    watch.changes = 0
    watch.current = this.#hub.armed
    const isThere = stored !== undefined && !this.#encoding.isExpired(stored.value)
    this.#expiries.set(watch, isThere ? expiryOf(stored.value) : Number.POSITIVE_INFINITY)
    this.#show(watch, isThere ? stored : undefined)
  }

  #show(watch: KeyWatch<V>, stored: Stored | undefined): void {
    const stamp = stampOf(stored)
    if (stamp !== watch.stamp) {
      try {
        watch.value = stored && this.#encoding.decode(watch.key, stored.value)
      } catch (error) {
        this.#fail(watch, error)
        return
      }
      watch.stamp = stamp
      watch.version = stored?.version ?? -1
    }
    watch.emit()
  }

  #fail(watch: KeyWatch<V>, error: unknown): void {
    this.#keys.delete(watch.key)
    this.#refresher.forget(watch)
    for (const { subscriber } of [...watch.watchers]) subscriber.error(error)
    watch.watchers.clear()
    if (this.#keys.size === 0) this.#leave()
  }
}
