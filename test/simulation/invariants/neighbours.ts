import type { KVErrorCode } from '../../../src/base/errors.ts'
import { GARBAGE, HIDDEN, QUOTA } from '../workload/keys.ts'
import { current } from '../workload/observations.ts'
import type { Operation, Run } from '../workload/observed.ts'
import { keysOf } from '../workload/perform.ts'
import type { Invariant } from './invariant.ts'

/** What a request takes beside the value, at most, in bytes. */
const BESIDE = 1000
/** What each write of a transaction takes beside its key and value, at most. */
const BESIDE_EACH = 120
const LONG_ENOUGH = 2000
/** So many bytes may be too much to wait for a connection. */
const MUCH = 60_000_000

/** Whether a store was opened with other buckets than its root has. */
export function isMistaken({ store }: Pick<Operation, 'store'>, run: Run): boolean {
  const { root, buckets } = store.plan
  return run.truth.layout(root).buckets !== buckets
}

/** How many bytes of values its store was asked to write, and had not answered, when an operation was asked for. */
function bytesAskedFor({ store, order, askedAt }: Operation, run: Run): number {
  let bytes = 0
  for (const other of run.operations.slice(0, order + 1)) {
    if (other.store !== store || (other.outcome !== undefined && other.outcome.at < askedAt)) continue
    for (const text of other.puts.values()) bytes += text.length
  }
  return bytes
}

/** Whether an operation may fail so. */
function mayFail(operation: Operation, code: KVErrorCode, run: Run, now: number): boolean {
  const { call, store, conditions, calm, timeout, askedAt } = operation
  const keys = keysOf(call)
  const about = (key: string) => keys.includes(key) || call.type === 'entries'
  switch (code) {
    case 'TIMEOUT':
    case 'INDETERMINATE':
      return store.closeAskedAt !== undefined || !calm || run.faultyUntil > askedAt || timeout < LONG_ENOUGH
    case 'CLOSED':
      return store.closeAskedAt !== undefined
    case 'VERSION_CONFLICT':
      return [...conditions].some(([key, expected]) =>
        current(run, operation, key, now).some(({ node }) =>
          expected === 'absent' ? node !== undefined : node?.version !== expected,
        ),
      )
    case 'CODEC':
      return call.type === 'unencodable' || about(GARBAGE)
    case 'AUTH':
      return about(HIDDEN)
    case 'QUOTA':
      return about(QUOTA)
    case 'VALUE_TOO_LARGE': {
      const atomic = 'writes' in call || call.type === 'putAll' || call.type === 'deleteAll'
      let bytes = 0
      for (const text of operation.puts.values()) bytes += text.length
      // What is to stay absent is created and deleted.
      if (atomic) for (const key of keys) bytes += 2 * (key.length + BESIDE_EACH)
      return bytes + BESIDE > Math.min(store.plan.maxPacketBytes, run.plan.maxPacketBytes)
    }
    case 'UNAVAILABLE':
      return bytesAskedFor(operation, run) > MUCH
    case 'INVALID_ARGUMENT':
      return isMistaken(operation, run)
    default:
      return false
  }
}

/** An operation fails for a reason of its own only: what is wrong with one harms none of those that travel with it. */
export const neighbours: Invariant = {
  name: 'neighbours',
  settled(operation, run, now) {
    const error = operation.outcome?.error
    if (error === undefined || mayFail(operation, error.code, run, now)) return undefined
    return `${operation.id} failed with ${error.code} for no reason of its own: ${error.message}`
  },
}
