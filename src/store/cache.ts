import type { Timing } from '../base/timing.ts'
import type { Stored } from '../contract/engine.ts'
import type { Encoding } from './encoding.ts'
import { expiryOf } from './header.ts'
import type { Hub, Listener } from './hub.ts'

/** The hits and misses of the cache. */
export interface CacheCounts {
  hits: number
  misses: number
}

/** A cached key; has `bytes` until a shareable value was decoded. */
interface Cached<V> {
  readonly version: number
  /** When it expires, in milliseconds since 1970. */
  readonly expires: number
  bytes: Uint8Array | undefined
  value: V | undefined
  /** Whether it was used since the clock hand last passed it. */
  used: boolean
}

/**
 * Caches entries, and the absence of keys, each only while a watch guards it: a change is signalled before any answer
 * that shows it, so a hit is as fresh as an answer of the engine would be.
 *
 * Bounded by the clock algorithm: nearly as good as least-recently-used, and a hit only sets a flag.
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

  /** The cached entry of `key`; throws the codec's error. No caller can change the value for others. */
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
      // A copy, so that it does not keep the whole reply in memory.
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
