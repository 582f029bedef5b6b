import type { Result } from './encode.ts'
import { Code, Op, type Request, type WriteOp } from './protocol.ts'
import { type Change, Refused, type Stamp, type Tree } from './tree.ts'

/** One transaction of the ensemble's log. */
export interface Transaction {
  readonly zxid: number
  /** The changes of each of its writes; none if it was refused, or only begins a session. */
  readonly writes: readonly (readonly Change[])[]
  /** The outcome in the reply: a result for each operation, or the code with which the whole was refused. */
  readonly outcome: readonly Result[] | number
  /** The session that it ends. */
  readonly ends: number | undefined
}

/** Refuses a write that exceeds a quota, otherwise does nothing. */
export type Quota = (op: WriteOp, tree: Tree) => void

function resultOf(op: WriteOp, [change]: readonly Change[]): Result {
  switch (op.type) {
    case Op.create:
      return { type: op.type, path: change!.path }
    case Op.create2:
      return { type: op.type, path: change!.path, node: change!.after! }
    case Op.setData:
      return { type: op.type, node: change!.after! }
    default:
      return { type: op.type }
  }
}

const codeOf = (error: unknown): number => {
  if (error instanceof Refused) return error.code
  throw error
}

/** Applies a write to `tree`, all or none, and returns the transaction for the log. */
export function transactionOf(
  request: Request,
  tree: Tree,
  stamp: Stamp,
  quota: Quota,
  refusal: number | undefined,
): Transaction {
  const { zxid } = stamp
  const perform = (op: WriteOp): readonly Change[] => {
    if (refusal !== undefined) throw new Refused(refusal)
    quota(op, tree)
    return tree.carryOut(op, stamp)
  }
  if (request.type === Op.closeSession) {
    const writes = tree.ephemeralsOf(stamp.session).map(path => {
      const changes = tree.remove(path, zxid)
      return changes
    })
    return { zxid, writes, outcome: [], ends: stamp.session }
  }
  if (request.type !== Op.multi) {
    try {
      const changes = perform(request as WriteOp)
      return { zxid, writes: [changes], outcome: [resultOf(request as WriteOp, changes)], ends: undefined }
    } catch (error) {
      return { zxid, writes: [], outcome: codeOf(error), ends: undefined }
    }
  }
  const writes: (readonly Change[])[] = []
  const results: Result[] = []
  for (const op of request.ops) {
    try {
      const changes = perform(op)
      writes.push(changes)
      results.push(resultOf(op, changes))
    } catch (error) {
      for (const changes of writes.toReversed()) tree.undo(changes)
      const code = codeOf(error)
      if (code === Code.sessionMoved) return { zxid, writes: [], outcome: code, ends: undefined }
      const codes = request.ops.map((_, i) =>
        i < results.length ? Code.ok : i === results.length ? code : Code.runtimeInconsistency,
      )
      const outcome = codes.map((each): Result => ({ type: Op.error, code: each }))
      return { zxid, writes: [], outcome, ends: undefined }
    }
  }
  return { zxid, writes, outcome: results, ends: undefined }
}
