import type { Timing } from '../base/timing.ts'
import type { Engine, Parts, Write } from '../contract/engine.ts'
import { Batcher } from './batcher.ts'
import { Cache, type CacheCounts } from './cache.ts'
import type { Encoding } from './encoding.ts'
import { Hub } from './hub.ts'
import type { ObservedEngine } from './observed-engine.ts'
import { Watches } from './watches.ts'

/** The part of a store for one of its engines. */
export interface Part<V> {
  readonly engine: Engine
  readonly hub: Hub
  readonly batcher: Batcher
  readonly cache: Cache<V> | undefined
  readonly watches: Watches<V>
}

/** What parts need. */
export interface PartContext<V> {
  readonly encoding: Encoding<V>
  readonly timing: Timing
  /** The default timeout of an operation, in milliseconds. */
  readonly timeout: number
  /** The most entries in all caches together; 0 for no caches. */
  readonly cache: number
}

/**
 * The parts of a store: one for each of the engines that its engine consists of. They share nothing, so that a part
 * whose engine is slow, or down, holds up its own keys only.
 */
export class StoreParts<V> {
  readonly all: readonly Part<V>[]
  /** The counts of all caches together; `undefined` without caches. */
  readonly counts: CacheCounts | undefined
  readonly #first: Part<V>
  readonly #parts: Parts | undefined

  constructor(engine: ObservedEngine, context: PartContext<V>) {
    const engines = engine.parts?.engines ?? [engine]
    const { encoding, timing, timeout, cache } = context
    this.counts = cache > 0 ? { hits: 0, misses: 0 } : undefined
    this.all = engines.map(each => {
      const hub = new Hub(each, timing)
      const batcher = new Batcher(each, encoding as Encoding<unknown>, timing, hub)
      return {
        engine: each,
        hub,
        batcher,
        cache:
          this.counts && new Cache(Math.ceil(cache / engines.length), hub, encoding, this.counts, timing),
        watches: new Watches(hub, batcher, timing, timeout, encoding),
      }
    })
    this.#first = this.all[0]!
    this.#parts = engine.parts
  }

  /** The part of a key, or a node. */
  of(key: string): Part<V> {
    return this.#parts === undefined ? this.#first : this.all[this.#parts.indexOf(key)]!
  }

  /** The index of the part of a key. */
  indexOf(key: string): number {
    return this.#parts === undefined ? 0 : this.#parts.indexOf(key)
  }

  /** The part that holds all keys of a transaction (`index`, if given); throws `UNSUPPORTED` if there is none. */
  holding(writes: readonly Write[], index?: number): Part<V> {
    return this.#parts === undefined ? this.#first : this.all[this.#parts.holding(writes, index)]!
  }

  /** Carries out or rejects accepted operations. */
  async close(): Promise<void> {
    await Promise.all(this.all.map(({ batcher }) => batcher.close()))
  }
}
