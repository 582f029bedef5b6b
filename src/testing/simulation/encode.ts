import { JuteWriter } from './jute.ts'
import { Op } from './protocol.ts'
import type { TreeNode } from './tree.ts'

/** The result of one write, as in the reply. */
export type Result =
  | { readonly type: typeof Op.create; readonly path: string }
  | { readonly type: typeof Op.create2; readonly path: string; readonly node: TreeNode }
  | { readonly type: typeof Op.setData; readonly node: TreeNode }
  | { readonly type: typeof Op.delete | typeof Op.check }
  | { readonly type: typeof Op.error; readonly code: number }

/** The result of a read. */
export type Found =
  | { readonly type: typeof Op.getData | typeof Op.exists; readonly node: TreeNode }
  | { readonly type: typeof Op.getChildren | typeof Op.getChildren2; readonly node: TreeNode }
  | { readonly type: typeof Op.error; readonly code: number }

function putStat(writer: JuteWriter, node: TreeNode): JuteWriter {
  const { czxid, mzxid, ctime, mtime, version, created, ephemeralOwner, data, children, pzxid } = node
  return (
    writer
      .long(czxid)
      .long(mzxid)
      .long(Math.floor(ctime))
      .long(Math.floor(mtime))
      .int(version)
      // The version of the children: how many were created plus how many were deleted.
      .int(created * 2 - children.size)
      .int(0)
      .long(ephemeralOwner)
      .int(data?.length ?? 0)
      .int(children.size)
      .long(pzxid)
  )
}

/** A reply with its header. */
export function replyFrame(
  xid: number,
  zxid: number,
  code: number,
  body: (writer: JuteWriter) => void = () => {},
): Buffer {
  const writer = new JuteWriter().int(xid).long(zxid).int(code)
  body(writer)
  return writer.frame()
}

export function putResult(writer: JuteWriter, result: Result): void {
  switch (result.type) {
    case Op.create:
      writer.string(result.path)
      break
    case Op.create2:
      putStat(writer.string(result.path), result.node)
      break
    case Op.setData:
      putStat(writer, result.node)
      break
    case Op.error:
      writer.int(result.code)
      break
    default:
  }
}

export function putFound(writer: JuteWriter, found: Found): void {
  switch (found.type) {
    case Op.getData:
      putStat(writer.buffer(found.node.data), found.node)
      break
    case Op.exists:
      putStat(writer, found.node)
      break
    case Op.getChildren:
    case Op.getChildren2:
      writer.vector([...found.node.children], name => writer.string(name))
      if (found.type === Op.getChildren2) putStat(writer, found.node)
      break
    case Op.error:
      writer.int(found.code)
      break
  }
}

/** The results of a multi or multiRead, each with its header, and the end marker. */
export function putEach<T extends Result | Found>(
  writer: JuteWriter,
  results: readonly T[],
  put: (writer: JuteWriter, result: T) => void,
): void {
  for (const result of results) {
    writer
      .int(result.type)
      .bool(false)
      .int(result.type === Op.error ? result.code : 0)
    put(writer, result)
  }
  writer.int(-1).bool(true).int(-1)
}

/** The answer to a handshake; a timeout of 0 means that the session is gone. */
export function handshakeFrame(timeout: number, session: number, password: Buffer): Buffer {
  return new JuteWriter().int(0).int(timeout).long(session).buffer(password).bool(false).frame()
}

export function eventFrame(type: number, path: string): Buffer {
  const CONNECTED = 3
  return new JuteWriter().int(-1).long(-1).int(0).int(type).int(CONNECTED).string(path).frame()
}
