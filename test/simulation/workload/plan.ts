import type { ExpectedVersion } from '../../../src/contract/engine.ts'

/** What the values of a simulation are: who wrote it, and a count. */
export interface Value {
  readonly by: string
  readonly n: number
  readonly pad?: string
}

/** The options of a store that is opened. */
export interface StorePlan {
  readonly openAt: number
  /** Stores of one process are killed together. */
  readonly process: number
  readonly root: string
  readonly buckets: number
  readonly timeout: number
  readonly cache: number
  readonly consistency: 'session' | 'linearizable'
  readonly sessionTimeout: number
  readonly maxPacketBytes: number
}

/** A condition: a version, absence, or the version that the store saw last. */
export type Condition = ExpectedVersion | 'seen' | undefined

/** One call of a store. */
export type Call =
  | { readonly type: 'get' | 'entry'; readonly key: string }
  | { readonly type: 'getAll' | 'entryAll' | 'putAll' | 'deleteAll'; readonly keys: readonly string[] }
  | { readonly type: 'put'; readonly key: string; readonly ifVersion?: Condition; readonly bytes?: number }
  | { readonly type: 'unencodable'; readonly key: string }
  | { readonly type: 'delete'; readonly key: string; readonly ifVersion?: Condition }
  | { readonly type: 'update'; readonly key: string; readonly remove?: boolean }
  | { readonly type: 'transact'; readonly writes: readonly TransactWrite[] }
  | { readonly type: 'entries' | 'keys'; readonly limit?: number; readonly reverse?: boolean }

export interface TransactWrite {
  readonly type: 'put' | 'delete' | 'check'
  readonly key: string
  readonly ifVersion?: Condition
}

/** What a subscriber does from within its callback. */
export interface Reaction {
  readonly on: 'next' | 'error' | 'complete'
  readonly do:
    | { readonly type: 'call'; readonly call: Call; readonly timeout?: number; readonly reaction?: Reaction }
    | { readonly type: 'again' | 'close' | 'unsubscribe' | 'unsubscribe others' | 'throw' }
}

export type Operator =
  | 'lookupKV'
  | 'upsertKV'
  | 'deleteKV'
  | 'updateKV'
  | 'processKV'
  | 'windowKV'
  | 'sessionKV'
  | 'historyKV'
  | 'perKey'

/** A record of the source of a pipeline: its key, and how long after the one before it comes. */
export interface PlannedRecord {
  readonly key: string
  readonly after: number
}

export type Fault =
  | { readonly type: 'cut'; readonly store?: number; readonly server?: number }
  | { readonly type: 'stall'; readonly store?: number; readonly server?: number }
  | {
      readonly type: 'slow'
      readonly store?: number
      readonly server?: number
      readonly latency: number
      readonly rate: number
    }
  | { readonly type: 'kill server'; readonly server: number | 'leader' }
  | { readonly type: 'pause server'; readonly server: number | 'leader' }
  | { readonly type: 'pause process'; readonly store: number }
  | { readonly type: 'lag'; readonly server: number; readonly lag: number }
  | { readonly type: 'expire'; readonly session: number }
  | { readonly type: 'throttle'; readonly probability: number }
  /** Some requests for a watch are refused. */
  | { readonly type: 'refuse watches'; readonly times: number }

export type Step = Planned & { readonly id: string }

export type Planned = { readonly at: number } & (
  | {
      readonly do: 'call'
      readonly store: number
      readonly call: Call
      readonly timeout?: number
      readonly reaction?: Reaction
      readonly unsubscribeAfter?: number
    }
  | {
      readonly do: 'watch'
      readonly store: number
      readonly key: string
      readonly lasts?: number
      readonly reaction?: Reaction
    }
  | {
      readonly do: 'changes'
      readonly store: number
      readonly prefix?: string
      readonly lasts?: number
      readonly reaction?: Reaction
    }
  | {
      readonly do: 'pipeline'
      readonly store: number
      readonly operator: Operator
      readonly records: readonly PlannedRecord[]
      readonly concurrency?: number
      readonly lasts?: number
    }
  | { readonly do: 'close'; readonly store: number; readonly again?: boolean }
  | { readonly do: 'kill process'; readonly process: number }
  | {
      readonly do: 'stranger'
      readonly root: string
      readonly key: string
      readonly act: 'put' | 'delete' | 'recreate' | 'garbage' | 'hide'
    }
  | { readonly do: 'fault'; readonly fault: Fault; readonly lasts: number }
)

/** All that happens in a simulation, but for what chance adds on the way, which the seed repeats. */
export interface Plan {
  readonly seed: string
  readonly servers: number
  readonly tick: number
  readonly maxPacketBytes: number
  /** How long it goes on, in milliseconds, before everything is healed and comes to rest. */
  readonly lasts: number
  readonly stores: readonly StorePlan[]
  readonly steps: readonly Step[]
}
