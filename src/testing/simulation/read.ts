import { type Found, putEach, putFound, replyFrame } from './encode.ts'
import { Code, type Identity, Op, Permission, type ReadOp, type Request } from './protocol.ts'
import type { Server } from './server.ts'
import { checkPermission, Refused } from './tree.ts'
import type { Watcher } from './watches.ts'

/** Carries out one read on a server, and sets its watch. */
function find(
  { type, path, watch }: ReadOp,
  server: Server,
  identities: readonly Identity[],
  watcher: Watcher,
): Found {
  try {
    const node = server.tree.get(path)
    // `exists` can watch a node that does not exist yet.
    if (watch && (node !== undefined || type === Op.exists)) server.watches.addOnce(type, path, watcher)
    if (node === undefined) throw new Refused(Code.noNode)
    if (type !== Op.exists) checkPermission(node, Permission.read, identities)
    return { type, node }
  } catch (error) {
    if (error instanceof Refused) return { type: Op.error, code: error.code }
    throw error
  }
}

/** The reply to a request that a server handles without the leader. */
export function readReply(
  request: Request,
  server: Server,
  identities: readonly Identity[],
  watcher: Watcher,
): Buffer {
  const { xid, type } = request
  const { tree, watches } = server
  switch (type) {
    case Op.ping: {
      const PING_XID = -2
      return replyFrame(PING_XID, tree.lastZxid, Code.ok)
    }
    case Op.addWatch:
      if (server.ensemble.refusedWatches > 0) {
        server.ensemble.refusedWatches--
        return replyFrame(xid, tree.lastZxid, Code.systemError)
      }
      watches.add(request.path, request.mode, watcher)
      return replyFrame(xid, tree.lastZxid, Code.ok, body => body.int(0))
    case Op.removeWatches: {
      const removed = watches.remove(request.path, watcher)
      return replyFrame(xid, tree.lastZxid, removed ? Code.ok : Code.noWatcher)
    }
    case Op.multiRead: {
      const all = request.ops.map(op => find(op, server, identities, watcher))
      return replyFrame(xid, tree.lastZxid, Code.ok, body => putEach(body, all, putFound))
    }
    default: {
      const found = find(request as ReadOp, server, identities, watcher)
      if (found.type === Op.error) return replyFrame(xid, tree.lastZxid, found.code)
      return replyFrame(xid, tree.lastZxid, Code.ok, body => putFound(body, found))
    }
  }
}
