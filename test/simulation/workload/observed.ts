import type { Subscription } from 'rxjs'
import type { KVError } from '../../../src/base/errors.ts'
import type { KVStore } from '../../../src/store/kv-store.ts'
import type { Party } from '../../../src/testing/simulation/clock.ts'
import type { World } from '../../../src/testing/simulation/world.ts'
import type { Truth } from '../truth.ts'
import type { Call, Operator, Plan, PlannedRecord, StorePlan, Value } from './plan.ts'

/** A store of a simulation, and what is known of it. */
export interface ObservedStore {
  readonly index: number
  readonly plan: StorePlan
  readonly party: Party
  readonly store: KVStore<Value>
  /** What it surely has seen: nothing that was over before this zxid may be shown again. */
  floor: number
  /** The version of each key that it was told last. */
  readonly seen: Map<string, number>
  /** What can be unsubscribed from. */
  readonly subscriptions: Set<Subscription>
  closeAskedAt: number | undefined
  /** How often it was closed without an end yet. */
  closing: number
  closedAt: number | undefined
  killed: boolean
}

/** How an operation ended. */
export type Outcome =
  | { readonly at: number; readonly error: KVError }
  | { readonly at: number; readonly error: undefined }

/** One operation of a store: what was asked, and all that came of it. */
export interface Operation {
  readonly id: string
  readonly store: ObservedStore
  readonly call: Call
  /** What it puts under each key, as far as that is known beforehand. */
  readonly puts: ReadonlyMap<string, string>
  /** The condition of each key that has one. */
  readonly conditions: ReadonlyMap<string, number | 'absent'>
  readonly timeout: number
  readonly askedAt: number
  /** How many operations were asked for before it. */
  readonly order: number
  readonly floor: number
  /** Nothing was wrong when it was asked for, nor shortly before. */
  readonly calm: boolean
  readonly values: unknown[]
  outcome: Outcome | undefined
  /** How often it completed or failed. */
  ends: number
  withdrawn: boolean
  /** The zxid at which its write was carried out, once that is known. */
  zxid: number | undefined
}

/** A subscription to `watch$` or `changes$`. */
export interface Stream {
  readonly id: string
  readonly store: ObservedStore
  readonly type: 'watch' | 'changes'
  readonly key: string | undefined
  readonly prefix: string | undefined
  readonly floor: number
  readonly subscribedAt: number
  /** What each key is by what was emitted: the text and which of its states that is. */
  readonly fold: Map<string, { readonly text: string | undefined; readonly zxid: number }>
  emitted: number
  /** How often `synced` was emitted; the store's floor at the last. */
  synced: number
  syncedFloor: number
  ended: 'completed' | KVError | undefined
  unsubscribed: boolean
}

/** Records that run through an operator. */
export interface Pipeline {
  readonly id: string
  readonly store: ObservedStore
  readonly operator: Operator
  readonly records: readonly PlannedRecord[]
  /** How many records were fed, which outputs came. */
  fed: number
  readonly outputs: number[]
  ended: 'completed' | KVError | undefined
  unsubscribed: boolean
}

/** All that happens, for the invariants. */
export interface Run {
  readonly plan: Plan
  readonly world: World
  readonly truth: Truth
  readonly stores: readonly ObservedStore[]
  readonly operations: readonly Operation[]
  readonly streams: readonly Stream[]
  readonly pipelines: readonly Pipeline[]
  /** What was thrown where nobody catches it. */
  readonly thrown: readonly unknown[]
  /** When something was wrong last. */
  readonly faultyUntil: number
}
