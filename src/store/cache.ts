import type { Timing } from '../base/timing.ts'
import type { Stored } from '../contract/engine.ts'
import type { Encoding } from './encoding.ts'
import { expiryOf } from './header.ts'
import type { Hub, Listener } from './hub.ts'

/** How often what was asked for was in the cache, and was not. */
export interface CacheCounts {
  hits: number
  misses: number
}

/** What is known of a key; `bytes` until there is a value that all may have. */
interface Cached<V> {
  readonly version: number
  /** When it expires, in milliseconds since 1970. */
  readonly expires: number
  bytes: Uint8Array | undefined
  value: V | undefined
  /** Wanted since the hand came by last. */
  used: boolean
}

/**
 * Entries in memory, absent ones too, each only while a watch guards it: a change is signalled before any answer that
 * shows it, so a hit is as fresh as an answer of the engine would be.
 *
 * Bounded by the clock algorithm: nearly as good as least-recently-used, and a hit costs one flag.
 */
export class Cache<V> implements Listener {
  readonly #entries = new Map<string, Cached<V>>()
  readonly #capacity: number
  readonly #hub: Hub
  readonly #decode: Encoding<V>['decode']
  readonly #decodeShared: Encoding<V>['decodeShared']
  readonly #counts: CacheCounts
  readonly #timing: Timing

  constructor(capacity: number, hub: Hub, encoding: Encoding<V>, counts: CacheCounts, timing: Timing) {
    this.#timing = timing
    this.#capacity = capacity
    this.#counts = counts
    this.#hub = hub
    this.#decode = encoding.decode
    this.#decodeShared = encoding.decodeShared
    hub.add(this)
  }

  /** What is known of `key`; throws the codec's error. No one who asks can change the value for others. */
  get(key: string): { readonly value: V | undefined; readonly version: number } | undefined {
    const cached = this.#entries.get(key)
    if (cached === undefined) {
      this.#counts.misses++
      return undefined
    }
    this.#counts.hits++
    cached.used = true
    const { bytes, version, expires } = cached
    if (expires !== Number.POSITIVE_INFINITY && expires <= this.#timing.date())
      return { value: undefined, version }
    if (bytes === undefined) return cached
    if (this.#decodeShared === undefined) return { value: this.#decode(key, bytes), version }
    cached.value = this.#decodeShared(key, bytes)
    cached.bytes = undefined
    return cached
  }

  armed(): void {
    this.#entries.clear()
  }

  disarmed(): void {
    this.#entries.clear()
  }

  changed(keys: readonly string[]): void {
    for (const key of keys) this.#entries.delete(key)
  }

  read(key: string, stored: Stored | undefined): void {
    if (!this.#hub.armed || this.#entries.has(key)) return
    while (this.#entries.size >= this.#capacity) this.#evict()
    this.#entries.set(key, {
      version: stored?.version ?? -1,
      expires: stored === undefined ? Number.POSITIVE_INFINITY : expiryOf(stored.value),
      // A copy, not to keep alive the whole reply of which the value is a part.
      bytes: stored && Uint8Array.prototype.slice.call(stored.value),
      value: undefined,
      used: false,
    })
  }

  ended(): void {
    this.#entries.clear()
  }

  #evict(): void {
    for (const [key, cached] of this.#entries) {
      this.#entries.delete(key)
      if (!cached.used) return
      cached.used = false
      this.#entries.set(key, cached)
    }
  }
}
