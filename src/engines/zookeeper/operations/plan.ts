import { KVError } from '../../../base/errors.ts'
import { isVersion, nextVersion, versionConflict } from '../../../contract/conditions.ts'
import type { ExpectedVersion, Write, Written } from '../../../contract/engine.ts'
import type { PacketLimit } from '../session/packet-limit.ts'
import { Op } from '../wire/protocol.ts'
import { COUNTED_HEADER, MULTI_HEADER, type MultiOp, multiOpBytes } from '../wire/requests.ts'

/** A write in progress. */
export interface PendingWrite {
  readonly index: number
  readonly write: Write
  readonly path: string
  /** How often it made its group fail because the key was created or deleted meanwhile. */
  failures: number
  /** Whether it may have been carried out by an unanswered request. */
  maybeDone: boolean
  /** Whether it has its result. */
  settled: boolean
}

/** What is known about a key: whether it exists, and its version, if known. */
export interface Knowledge {
  readonly exists: boolean
  readonly version?: number | undefined
}

/** What is known about some keys. */
export type KnowledgeOfKeys = ReadonlyMap<string, Knowledge>

/** A write of a multi, with its result if the multi is carried out. */
export interface PlannedWrite {
  readonly item: PendingWrite
  readonly existed: boolean
  /** The index of the operation that answers it; -1 if there is nothing to do. */
  readonly op: number
  /** The state of the key afterwards. */
  readonly after: KeyState
}

/** The state of a key at a point in a multi. */
interface KeyState {
  readonly exists: boolean | undefined
  readonly version: number | undefined
  /** Whether it depends on earlier writes of the same multi. */
  readonly ours: boolean
  /** Whether the version depends on the estimate that the key existed, or not. */
  readonly estimated: boolean
}

/** One multi. */
export interface MultiPlan {
  readonly ops: MultiOp[]
  /** The write of each operation. */
  readonly owners: PendingWrite[]
  readonly steps: PlannedWrite[]
  /** The total size of the operations. */
  bytes: number
  /** The results that are decided without a request. */
  readonly settled: { readonly item: PendingWrite; readonly result: Written | KVError }[]
}

export interface PlanOptions {
  /** Current knowledge, from a read after a sync or from an answer of the leader. */
  readonly known: KnowledgeOfKeys
  /** What to assume about unknown keys. */
  readonly estimate: 'set' | 'create'
  /** Atomic: nothing may be settled outside of the one multi. */
  readonly atomic: boolean
  /** Plan only one write per multi. */
  readonly alone: boolean
  readonly acl: Buffer
  readonly packetLimit: PacketLimit
  /** The bytes of the multi besides these writes. */
  readonly besideBytes: number
}

/** After this many failures a write is no longer combined with others. */
const MOST_FAILURES = 3
/** Means "any version" to the server. */
const ANY_VERSION = -1

const UNKNOWN: KeyState = { exists: undefined, version: undefined, ours: false, estimated: false }
// The state after most writes, shared: otherwise a first load would allocate one per key.
const ABSENT: KeyState = { exists: false, version: undefined, ours: true, estimated: false }
const CREATED: KeyState = { exists: true, version: 0, ours: true, estimated: false }
const CREATED_BY_ESTIMATE: KeyState = { ...CREATED, estimated: true }
const WRITTEN: KeyState = { exists: true, version: undefined, ours: true, estimated: false }

/** Whether the condition cannot hold in this state. If it can, the server decides. */
function contradicts(
  expected: ExpectedVersion | undefined,
  { exists, version, estimated }: KeyState,
  atomic: boolean,
): boolean {
  if (expected === undefined) return false
  if (expected === 'absent') return exists === true
  // Never sent, because -1 means "any version" to the server.
  if (!isVersion(expected)) return true
  return exists === false || (version !== undefined && version !== expected && !(estimated && atomic))
}

/**
 * After it, older servers assign the version -1, which no condition can name (newer ones skip it, ZOOKEEPER-4743): a
 * second set in the same multi moves the node past it.
 */
const BEFORE_ANY = -2

/** The version of a condition, as the server takes it. */
const versionFor = (expected: ExpectedVersion | undefined): number =>
  typeof expected === 'number' ? expected : ANY_VERSION

/** Fails if there is such a node, otherwise has no effect. */
function assertAbsent(path: string, ops: MultiOp[]): void {
  ops.push({ type: Op.create, path, data: NOTHING }, { type: Op.delete, path, version: ANY_VERSION })
}

/** Plans one write in a state; adds its operations to `ops`. */
function carryOut(item: PendingWrite, state: KeyState, options: PlanOptions, ops: MultiOp[]): PlannedWrite {
  const { write, path } = item
  const version = versionFor(write.ifVersion)
  const op = ops.length
  switch (write.type) {
    case 'check':
      if (write.ifVersion === 'absent') {
        assertAbsent(path, ops)
        return { item, existed: false, op, after: ABSENT }
      }
      ops.push({ type: Op.check, path, version })
      return { item, existed: true, op, after: { ...state, exists: true, ours: true } }
    case 'delete':
      if (state.exists === false && write.ifVersion === undefined) {
        // In an atomic group this must still hold when the rest is carried out.
        if (!options.atomic || state.ours) return { item, existed: false, op: -1, after: state }
        assertAbsent(path, ops)
        return { item, existed: false, op, after: state }
      }
      ops.push({ type: Op.delete, path, version })
      return { item, existed: true, op, after: ABSENT }
    default: {
      const exists =
        typeof write.ifVersion === 'number' ||
        (write.ifVersion !== 'absent' && (state.exists ?? options.estimate === 'set'))
      if (!exists) {
        ops.push({ type: Op.create, path, data: write.value, ephemeral: write.ephemeral })
        const estimated = write.ifVersion === undefined && state.exists === undefined
        return { item, existed: false, op, after: estimated ? CREATED_BY_ESTIMATE : CREATED }
      }
      ops.push({ type: Op.setData, path, data: write.value, version })
      const before = typeof write.ifVersion === 'number' ? write.ifVersion : state.version
      if (before === undefined) return { item, existed: true, op, after: WRITTEN }
      if (before === BEFORE_ANY) {
        ops.push({ type: Op.setData, path, data: write.value, version: ANY_VERSION })
        return { item, existed: true, op: op + 1, after: WRITTEN }
      }
      const estimated = typeof write.ifVersion !== 'number' && state.estimated
      return {
        item,
        existed: true,
        op,
        after: { exists: true, version: nextVersion(before), ours: true, estimated },
      }
    }
  }
}

const NOTHING = new Uint8Array(0)

/** The error of a repeated delete that found nothing. */
const deletedByWhom = (key: string): KVError =>
  new KVError(
    'INDETERMINATE',
    'the key is deleted, but not known whether by this delete: its first answer was lost',
    {
      key,
    },
  )

/** The result of a write that finds its key absent, and has nothing to do. */
export const nothingToDelete = (item: PendingWrite): Written | KVError =>
  item.maybeDone ? deletedByWhom(item.write.key) : { existed: false, version: -1, revision: -1 }

/** Plans one multi for as many of the `items`, in order, as can be combined. */
export function planMulti(items: readonly PendingWrite[], options: PlanOptions): MultiPlan {
  const planner = new Planner(items, options)
  for (const item of items) if (!planner.add(item)) break
  return planner.plan
}

class Planner {
  readonly plan: MultiPlan = { ops: [], owners: [], steps: [], bytes: 0, settled: [] }
  readonly #options: PlanOptions
  readonly #maxBytes: number
  /** Whether any writes may still be combined with others. */
  readonly #someGoTogether: boolean
  /** The states of the keys after the writes so far. */
  readonly #states = new Map<string, KeyState>()
  /** Keys whose remaining writes wait for another multi. */
  readonly #held = new Set<string>()

  constructor(items: readonly PendingWrite[], options: PlanOptions) {
    this.#options = options
    this.#maxBytes = options.packetLimit.bytes - COUNTED_HEADER - MULTI_HEADER - options.besideBytes
    this.#someGoTogether = items.some(item => item.failures < MOST_FAILURES)
  }

  /** Adds a write, leaves it for another multi, or settles it; returns whether another one may be added. */
  add(item: PendingWrite): boolean {
    const { atomic, alone } = this.#options
    const { key, ifVersion } = item.write
    if (alone && this.plan.steps.length > 0) return false
    if (this.#held.has(key)) return true
    if (!atomic && this.#someGoTogether && item.failures >= MOST_FAILURES) return this.#hold(key)
    const state = this.#stateOf(key)
    if (contradicts(ifVersion, state, atomic)) {
      // A result that depends on writes that may still fail is decided once they are done.
      if (state.ours && !atomic) return this.#hold(key)
      return this.#settle(
        item,
        versionConflict(key, ifVersion, state.exists === false ? 'absent' : state.version),
      )
    }
    const step = carryOut(item, state, this.#options, this.plan.ops)
    if (step.op < 0 && !state.ours) return this.#settle(item, nothingToDelete(item))
    return this.#append(step)
  }

  #stateOf(key: string): KeyState {
    const known = this.#options.known.get(key)
    return (
      this.#states.get(key) ??
      (known === undefined
        ? UNKNOWN
        : { exists: known.exists, version: known.version, ours: false, estimated: false })
    )
  }

  #hold(key: string): true {
    this.#held.add(key)
    return true
  }

  /** If atomic, nothing remains to be done after one error. */
  #settle(item: PendingWrite, result: Written | KVError): boolean {
    this.plan.settled.push({ item, result })
    return !(result instanceof KVError && this.#options.atomic)
  }

  /** Keeps the operations of a write, which have just been added, if they fit. */
  #append(step: PlannedWrite): boolean {
    const { plan } = this
    const { ops, owners, steps } = plan
    const { item } = step
    let bytes = plan.bytes
    for (let i = owners.length; i < ops.length; i++) bytes += multiOpBytes(ops[i]!, this.#options.acl)
    if (bytes > this.#maxBytes) {
      ops.length = owners.length
      const isFull = steps.length > 0 && !this.#options.atomic
      return isFull ? false : this.#settle(item, tooLarge(item, this.#options))
    }
    plan.bytes = bytes
    steps.push(step)
    while (owners.length < ops.length) owners.push(item)
    this.#states.set(item.write.key, step.after)
    return true
  }
}

const tooLarge = ({ write: { key } }: PendingWrite, { atomic, packetLimit }: PlanOptions): KVError =>
  atomic
    ? new KVError('VALUE_TOO_LARGE', `the transaction is too large, with its keys: ${packetLimit.reason}`)
    : new KVError('VALUE_TOO_LARGE', `the write is too large, with its key: ${packetLimit.reason}`, { key })
