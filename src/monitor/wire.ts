import type { StatusChange } from '../metrics/store-snapshot.ts'

/*
 * What the monitor sends to its page, as JSON. The page's scripts are checked against these types.
 */

/** A figure; `null` where it is unknown. */
export type Figure = number | null

/** One point of the charts, of the store or of a program that publishes its figures. */
export interface Sample {
  /** By the monitor's `Date.now()`. */
  readonly at: number
  /** Per second: changes seen, or records processed. */
  readonly throughput: Figure
  /** In milliseconds: of the monitor's own reads, or of records. */
  readonly p50: Figure
  readonly p90: Figure
  readonly p99: Figure
  /** From 0 to 1. */
  readonly availability: Figure
}

/** A program's published figures of its batches. */
export interface Batches {
  readonly calls: Figure
  /** Items a call, on average. */
  readonly size: Figure
  readonly p99: Figure
  readonly max: Figure
  /** Mean time of a call, in milliseconds. */
  readonly latency: Figure
}

/** A program that publishes its figures. */
export interface Program {
  readonly name: string
  readonly latest: Sample
  readonly inFlight: Figure
  readonly records: Figure
  readonly failed: Figure
  readonly errors: Readonly<Record<string, number>>
  readonly batches: Readonly<Record<'reads' | 'writes' | 'commits', Batches>> | undefined
  readonly cacheHits: Figure
  readonly cacheMisses: Figure
  /** Whether its figures are out of date: its process is gone, or cannot reach the store. */
  readonly stale: boolean
}

/** A value as it can be shown. */
export interface ShownValue {
  readonly kind: 'json' | 'text' | 'bytes'
  /** The text, or the bytes in hexadecimal; only the beginning where `cut`. */
  readonly text: string
  readonly cut: boolean
  /** The size of the value, in bytes. */
  readonly bytes: number
}

/** An observed change of a key. */
export type SeenChange =
  | {
      readonly type: 'put'
      readonly at: number
      readonly key: string
      readonly version: number
      readonly value: ShownValue
    }
  | { readonly type: 'delete'; readonly at: number; readonly key: string }

/** The changes since the last event. */
export interface Changes {
  /** The latest of each key, oldest first; incomplete where there were too many. */
  readonly latest: readonly SeenChange[]
  /** How many were omitted. */
  readonly omitted: number
  readonly keys: Keys
}

/** The number of keys. */
export interface Keys {
  readonly count: number
  /** Whether all are known; otherwise some are still being listed. */
  readonly synced: boolean
}

/** A member of a group. */
export interface GroupMemberRow {
  readonly name: string
  readonly host: string
  readonly pid: number
  /** When it joined, by its own clock. */
  readonly start: number
  /** How many partitions it owns. */
  readonly owned: number
}

/** A partition of a group. */
export interface GroupPartitionRow {
  readonly name: string
  /** The name of its owner; `null` where there is none. */
  readonly owner: string | null
  readonly position: string
  readonly records: Figure
  /** Records per second. */
  readonly rate: Figure
  /** How much is left to process, where known. */
  readonly lag: { readonly amount: number; readonly unit: string } | null
}

/** Processes that share the partitions of an input. */
export interface Group {
  readonly name: string
  /** The first members, and below the first partitions. */
  readonly members: readonly GroupMemberRow[]
  readonly memberCount: number
  readonly partitions: readonly GroupPartitionRow[]
  readonly partitionCount: number
  /** Records per second, of all partitions. */
  readonly rate: Figure
}

/** The event of every second. */
export interface Tick {
  readonly at: number
  readonly store: Sample
  /** Since the monitor's start. */
  readonly availability: Figure
  readonly programs: readonly Program[]
  readonly groups: readonly Group[]
  readonly keys: Keys
}

/** Everything that is known; the first event of each connection. */
export interface Overview {
  readonly store: string
  readonly prefix: string
  readonly started: number
  readonly tick: Tick
  readonly history: readonly Sample[]
  readonly programHistory: Readonly<Record<string, readonly Sample[]>>
  readonly timeline: readonly StatusChange[]
  readonly changes: Changes
  /** Why changes are no longer watched. */
  readonly failure: string | undefined
}

/** An entry in a page of the listing. */
export interface ListedEntry {
  readonly key: string
  readonly version: number
  readonly value: ShownValue
}

/** A page of the listing. */
export interface KeyPage {
  readonly entries: readonly ListedEntry[]
  /** Whether there are more after the last. */
  readonly more: boolean
}

/** The events of the stream, by name. */
export interface Events {
  readonly overview: Overview
  readonly tick: Tick
  readonly changes: Changes
  readonly timeline: readonly StatusChange[]
  readonly failure: string
}
