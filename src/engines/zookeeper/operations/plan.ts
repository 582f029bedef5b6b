import { isVersion, nextVersion, versionConflict } from '../../../conditions.ts'
import type { ExpectedVersion, Write, Written } from '../../../engine.ts'
import { KVError } from '../../../errors.ts'
import type { PacketLimit } from '../session/packet-limit.ts'
import { Op } from '../wire/protocol.ts'
import { COUNTED_HEADER, MULTI_HEADER, type MultiOp, multiOpBytes } from '../wire/requests.ts'

/** A write under way. */
export interface PendingWrite {
  readonly index: number
  readonly write: Write
  readonly path: string
  /** How often it made its group fail because the key came or went. */
  failures: number
  /** Whether it may have been carried out by a request whose answer never came. */
  maybeDone: boolean
  /** Whether it has its result. */
  settled: boolean
}

/** What is known of a key: whether it exists, and its version, if known. */
export interface Knowledge {
  readonly exists: boolean
  readonly version?: number | undefined
}

/** A write of a frame: what it will have been if the frame is carried out. */
export interface PlannedWrite {
  readonly item: PendingWrite
  readonly existed: boolean
  /** Which operation answers it; -1 where there is nothing to do. */
  readonly op: number
  /** What the key is then. */
  readonly after: KeyState
}

/** What a key is at a point of a frame. */
interface KeyState {
  readonly exists: boolean | undefined
  readonly version: number | undefined
  /** Whether it rests on earlier writes of the same frame. */
  readonly ours: boolean
  /** Whether the version rests on a estimate. */
  readonly guessed: boolean
}

/** One multi. */
export interface MultiPlan {
  readonly ops: MultiOp[]
  /** Whose each operation is. */
  readonly owners: PendingWrite[]
  readonly steps: PlannedWrite[]
  /** The sum of the operations' sizes. */
  bytes: number
  /** What is decided without asking. */
  readonly settled: { readonly item: PendingWrite; readonly result: Written | KVError }[]
}

export interface PlanOptions {
  /** What is known now, by a read after a sync or by an answer of the leader. */
  readonly known: ReadonlyMap<string, Knowledge>
  /** What to take unknown keys for. */
  readonly estimate: 'set' | 'create'
  /** All or none, so that nothing is settled that is not part of the one multi. */
  readonly atomic: boolean
  /** One write in the frame, no more. */
  readonly alone: boolean
  readonly acl: Buffer
  readonly packetLimit: PacketLimit
}

/** After so many failures a write no longer goes with others. */
const MOST_FAILURES = 3
/** For the server: whatever the version. */
const ANY_VERSION = -1

const UNKNOWN: KeyState = { exists: undefined, version: undefined, ours: false, guessed: false }
// What most writes leave behind, made once: a first load makes one for each key.
const ABSENT: KeyState = { exists: false, version: undefined, ours: true, guessed: false }
const CREATED: KeyState = { exists: true, version: 0, ours: true, guessed: false }
const CREATED_BY_GUESS: KeyState = { ...CREATED, guessed: true }
const WRITTEN: KeyState = { exists: true, version: undefined, ours: true, guessed: false }

/** Whether the condition cannot hold in this state. The server has the last word where it can. */
function contradicts(
  expected: ExpectedVersion | undefined,
  { exists, version, guessed }: KeyState,
  atomic: boolean,
): boolean {
  if (expected === undefined) return false
  if (expected === 'absent') return exists === true
  // Never sent: -1 is any version for the server.
  if (!isVersion(expected)) return true
  return exists === false || (version !== undefined && version !== expected && !(guessed && atomic))
}

/**
 * After it older servers give the version -1, which no condition can name (newer ones skip it, ZOOKEEPER-4743): a second
 * set in the same multi takes the node past it.
 */
const BEFORE_ANY = -2

/** Condition for the server: its version, or any. */
const versionFor = (expected: ExpectedVersion | undefined): number =>
  typeof expected === 'number' ? expected : ANY_VERSION

/** Fails where there is such a node, and else leaves everything as it is. */
function assertAbsent(path: string, ops: MultiOp[]): void {
  ops.push({ type: Op.create, path, data: NOTHING }, { type: Op.delete, path, version: ANY_VERSION })
}

/** What becomes of one write in a state; adds its operations to `ops`. */
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
        // In an atomic group that must still be so when the rest is done.
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
        const guessed = write.ifVersion === undefined && state.exists === undefined
        return { item, existed: false, op, after: guessed ? CREATED_BY_GUESS : CREATED }
      }
      ops.push({ type: Op.setData, path, data: write.value, version })
      const before = typeof write.ifVersion === 'number' ? write.ifVersion : state.version
      if (before === undefined) return { item, existed: true, op, after: WRITTEN }
      if (before === BEFORE_ANY) {
        ops.push({ type: Op.setData, path, data: write.value, version: ANY_VERSION })
        return { item, existed: true, op: op + 1, after: WRITTEN }
      }
      const guessed = typeof write.ifVersion !== 'number' && state.guessed
      return {
        item,
        existed: true,
        op,
        after: { exists: true, version: nextVersion(before), ours: true, guessed },
      }
    }
  }
}

const NOTHING = new Uint8Array(0)

/** The error of a delete that was repeated and found nothing. */
const deletedByWhom = (key: string): KVError =>
  new KVError(
    'INDETERMINATE',
    'the key is deleted, but not known whether by this delete: its first answer was lost',
    {
      key,
    },
  )

/** How a write that finds its key absent, and has nothing to do, ends. */
export const nothingToDelete = (item: PendingWrite): Written | KVError =>
  item.maybeDone ? deletedByWhom(item.write.key) : { existed: false, version: -1, revision: -1 }

/** Makes one multi of as many of the `items`, in their order, as can go together. */
export function planMulti(items: readonly PendingWrite[], options: PlanOptions): MultiPlan {
  const plan: MultiPlan = { ops: [], owners: [], steps: [], bytes: 0, settled: [] }
  const states = new Map<string, KeyState>()
  // Keys whose later writes wait for another frame.
  const held = new Set<string>()
  const maxBytes = options.packetLimit.bytes - COUNTED_HEADER - MULTI_HEADER
  const someGo = items.some(item => item.failures < MOST_FAILURES)
  for (const item of items) {
    const { write } = item
    const { key } = write
    if (held.has(key)) continue
    if (options.alone && plan.steps.length > 0) break
    if (!options.atomic && someGo && item.failures >= MOST_FAILURES) {
      held.add(key)
      continue
    }
    const known = options.known.get(key)
    const state =
      states.get(key) ??
      (known === undefined
        ? UNKNOWN
        : { exists: known.exists, version: known.version, ours: false, guessed: false })
    if (contradicts(write.ifVersion, state, options.atomic)) {
      if (state.ours && !options.atomic) {
        // It depends on writes that may still fail: decided when they are done.
        held.add(key)
        continue
      }
      const actual = state.exists === false ? 'absent' : state.version
      plan.settled.push({ item, result: versionConflict(key, write.ifVersion, actual) })
      if (options.atomic) break
      continue
    }
    const step = carryOut(item, state, options, plan.ops)
    if (step.op < 0 && !state.ours) {
      plan.settled.push({ item, result: nothingToDelete(item) })
      continue
    }
    let bytes = 0
    for (let i = plan.owners.length; i < plan.ops.length; i++)
      bytes += multiOpBytes(plan.ops[i]!, options.acl)
    if (plan.bytes + bytes > maxBytes) {
      plan.ops.length = plan.owners.length
      if (plan.steps.length > 0 && !options.atomic) break
      plan.settled.push({ item, result: tooLarge(item, options) })
      if (options.atomic) break
      continue
    }
    plan.steps.push(step)
    while (plan.owners.length < plan.ops.length) plan.owners.push(item)
    plan.bytes += bytes
    states.set(key, step.after)
  }
  return plan
}

const tooLarge = ({ write: { key } }: PendingWrite, { atomic, packetLimit }: PlanOptions): KVError =>
  atomic
    ? new KVError('VALUE_TOO_LARGE', `the transaction is too large, with its keys: ${packetLimit.reason}`)
    : new KVError('VALUE_TOO_LARGE', `the write is too large, with its key: ${packetLimit.reason}`, { key })
