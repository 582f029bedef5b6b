import type { Status } from '../contract/engine.ts'
import type { Percentiles } from './snapshot.ts'

/** The figures of one kind of engine call. An unknown figure is `NaN`, `null` in JSON. */
export interface CallFigures {
  /** Calls that were answered: one per batch, or per page of a listing. */
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
  /** The mean time of an answered call, in milliseconds. */
  readonly latency: number
  /** The distribution of those times, in milliseconds. */
  readonly percentiles: Percentiles
  /** Calls that failed as a whole. */
  readonly failed: number
  /** The mean time until those failed, in milliseconds. */
  readonly failureLatency: number
  /** Errors by `code`: of calls, and of single items in answered calls. */
  readonly errors: Readonly<Record<string, number>>
}

/** The figures of a store over a span of time. */
export interface StoreFigures {
  /** The length of the span, in milliseconds. */
  readonly elapsed: number
  /** Time in which the store was `connected` / total time, from 0 to 1. */
  readonly availability: number
  /** Lookups. */
  readonly reads: CallFigures
  /** Writes that are independent of each other. */
  readonly writes: CallFigures
  /** Atomic writes: `putAll$`, `transact$`, `update$` and the commits of `processKV`. */
  readonly commits: CallFigures
  /** Pages of `entries$`, `keys$` and `changes$`. */
  readonly scans: CallFigures
  /** Lookups that the cache answered; no other figure includes them. */
  readonly cacheHits: number
  /** Lookups that the cache could not answer; 0 without a cache. */
  readonly cacheMisses: number
}

/** A connection state, and when it began. */
export interface StatusChange extends Status {
  /** By `Date.now()`, or by the scheduler. */
  readonly at: number
}

/** The figures of a store's meter, at one moment. */
export interface StoreSnapshot {
  /** From the start. */
  readonly total: StoreFigures
  /** Since the snapshot before. */
  readonly interval: StoreFigures
  /** Calls in flight now. */
  readonly inFlight: number
  /** The latest connection states, at most 100, the current one last. */
  readonly timeline: readonly StatusChange[]
  /** Whether this is the meter's last snapshot, taken when it was closed. */
  readonly final: boolean
}
