import type { Status } from '../contract/engine.ts'
import type { Percentiles } from './snapshot.ts'

/** What was measured of one kind of call to the engine. A figure that cannot be given is `NaN`, `null` in JSON. */
export interface CallFigures {
  /** Calls that were answered: one for each batch, or page of a listing. */
  readonly calls: number
  /** The keys, writes or entries in them. */
  readonly items: number
  /** Items / time, in items per second. */
  readonly throughput: number
  /** Bytes of the values in them. */
  readonly bytes: number
  /** Bytes / time, in bytes per second. */
  readonly bytesPerSecond: number
  /** Items / calls. */
  readonly batchSize: number
  /** The distribution of the items of a call. */
  readonly batchSizes: Percentiles
  /** The mean time of a call that was answered, in milliseconds. */
  readonly latency: number
  /** The distribution of those times, in milliseconds. */
  readonly percentiles: Percentiles
  /** Calls that failed as a whole. */
  readonly failed: number
  /** The mean time of those until their failure, in milliseconds. */
  readonly failureLatency: number
  /** Errors by `code`: of calls, and of single items of calls that were answered. */
  readonly errors: Readonly<Record<string, number>>
}

/** What was measured of a store in a span of time. */
export interface StoreFigures {
  /** The span, in milliseconds. */
  readonly elapsed: number
  /** Time in which the store was `connected` / total time, from 0 to 1. */
  readonly availability: number
  /** Lookups. */
  readonly reads: CallFigures
  /** Writes each for itself. */
  readonly writes: CallFigures
  /** Writes all or none: `putAll$`, `transact$`, `update$` and the commits of `processKV`. */
  readonly commits: CallFigures
  /** Pages of `entries$`, `keys$` and `changes$`. */
  readonly scans: CallFigures
  /** Lookups that the cache answered; they are in no other figure. */
  readonly cacheHits: number
  /** Lookups that the cache could not answer; 0 where the store has none. */
  readonly cacheMisses: number
}

/** A connection state, and when it came. */
export interface StatusChange extends Status {
  /** As of `Date.now()`, or of the scheduler. */
  readonly at: number
}

/** The figures of a store's meter at one moment. */
export interface StoreSnapshot {
  /** From the start. */
  readonly total: StoreFigures
  /** Since the snapshot before. */
  readonly interval: StoreFigures
  /** Calls under way now. */
  readonly inFlight: number
  /** The last connection states, at most 100, the current one last. */
  readonly timeline: readonly StatusChange[]
  /** Whether the meter is closed, and this its last snapshot. */
  readonly final: boolean
}
