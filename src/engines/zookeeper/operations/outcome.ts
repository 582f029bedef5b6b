import { nextVersion } from '../../../contract/conditions.ts'
import { Op } from '../wire/protocol.ts'
import type { Node } from '../wire/replies.ts'
import type { MultiOp } from '../wire/requests.ts'
import type { Protection } from './protections.ts'

/*
 * The outcome of a multi whose connection broke before the answer. It is asked after a reconnect, when
 *
 *   (a) the session was resumed on this connection, or a server said that it is expired: from then on the ensemble
 *       carries out nothing that came over an earlier connection (a request of another connection of the session is
 *       refused as "session moved", one of an expired session as expired), and
 *   (b) a `sync` went ahead of the read: all that was carried out before is seen.
 *
 * So the answer does not change any more. `sent` is the newest zxid that was known when the multi was sent; it was
 * carried out at a later zxid z, if at all, and then all of its operations were, at that same z.
 *
 *   what is seen                                                              means
 *   ------------------------------------------------------------------------  -------------------------------------
 *   the protection node holds this multi's number                             carried out; z is the node's revision
 *   it holds another, or was never made and is not there                      not carried out
 *   without one (it was not permitted, there was no room, or somebody deleted
 *   it), of any node that the multi writes:
 *     a create or a delete, and the node is there since before `sent`         not carried out
 *     a set, and the node was not written since `sent`                        not carried out
 *     a set at version v, and the node is there since before `sent` and
 *       has a version up to v                                                 not carried out (it would have v + 1)
 *       has version v + 1 and other bytes                                     not carried out (another made it v + 1)
 *       has version v + 1, and another such node, or a node of the same
 *       multi, was last written at an earlier zxid                            not carried out (all share one zxid)
 *   anything else: overwritten, deleted or recreated since, or v + 1 with
 *   the same bytes, which another writer can have written, too                unknown
 *
 * "Not carried out" means it can be sent again, and the server's own version check then decides. "Unknown" becomes
 * INDETERMINATE for whatever was conditional, and for a delete that finds nothing; unconditional writes are repeated.
 */

export type Verdict = 'done' | 'not done' | 'unknown'

/** A multi without an answer. */
export interface LostMulti {
  readonly ops: readonly MultiOp[]
  readonly sentAt: number
  readonly protection: Protection | undefined
}

/** Applies the table above; `nodeAt` returns the current node at a path. */
export function outcomeOf(
  { ops, sentAt, protection }: LostMulti,
  nodeAt: (path: string) => Node | undefined,
): Verdict {
  if (protection !== undefined) {
    const node = nodeAt(protection.path)
    if (node !== undefined) return node.value.equals(protection.data) ? 'done' : 'not done'
    if (!protection.exists) return 'not done'
  }
  // The zxid that the multi must have had, if a node shows it, and the oldest last write of all its nodes.
  let latest = 0
  let oldest = Number.POSITIVE_INFINITY
  for (const op of ops) {
    const node = nodeAt(op.path)
    if (node === undefined || op.type === Op.check) continue
    const thereSince = node.czxid <= sentAt
    if (op.type !== Op.setData) {
      if (thereSince) return 'not done'
      continue
    }
    if (node.revision <= sentAt) return 'not done'
    oldest = Math.min(oldest, node.revision)
    if (op.version === -1 || !thereSince) continue
    // Versions wrap: their 32-bit difference shows which one is later.
    if (((node.version - op.version) | 0) <= 0) return 'not done'
    if (node.version === nextVersion(op.version)) {
      if (!node.value.equals(op.data)) return 'not done'
      latest = Math.max(latest, node.revision)
    }
  }
  return latest > oldest ? 'not done' : 'unknown'
}
