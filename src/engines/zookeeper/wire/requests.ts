import type { AclEntry } from './acl.ts'
import { Op } from './protocol.ts'

/*
 * Requests as frames: four bytes of length, four for the request number (xid), which is filled in when the frame is
 * sent, four for the type, then the body. Each is written into one buffer of exactly its size.
 */

/** The bytes before the body of a request. */
const FRAME_HEADER = 12
/** The bytes that the server's size limit counts besides the body: xid and type. */
export const COUNTED_HEADER = 8
/** The header of each operation in a multi, and the end marker. */
export const MULTI_HEADER = 9

const PERSISTENT = 0
const EPHEMERAL = 1

/** One operation of a multi. A version of -1 is any version. */
export type MultiOp =
  | {
      readonly type: typeof Op.create
      readonly path: string
      readonly data: Uint8Array
      readonly ephemeral?: boolean | undefined
    }
  | {
      readonly type: typeof Op.setData
      readonly path: string
      readonly data: Uint8Array
      readonly version: number
    }
  | { readonly type: typeof Op.delete | typeof Op.check; readonly path: string; readonly version: number }

function frame(type: number, bodyBytes: number): Buffer {
  const buffer = Buffer.allocUnsafe(FRAME_HEADER + bodyBytes)
  putInt(buffer, 0, COUNTED_HEADER + bodyBytes)
  putInt(buffer, 8, type)
  return buffer
}

function putInt(buffer: Buffer, at: number, value: number): number {
  buffer[at] = value >>> 24
  buffer[at + 1] = value >>> 16
  buffer[at + 2] = value >>> 8
  buffer[at + 3] = value
  return at + 4
}

function putPath(buffer: Buffer, at: number, path: string): number {
  const bytes = buffer.write(path, at + 4, 'utf8')
  putInt(buffer, at, bytes)
  return at + 4 + bytes
}

function putData(buffer: Buffer, at: number, data: Uint8Array): number {
  putInt(buffer, at, data.length)
  buffer.set(data, at + 4)
  return at + 4 + data.length
}

function putMultiHeader(buffer: Buffer, at: number, type: number): number {
  putInt(buffer, at, type)
  buffer[at + 4] = 0
  return putInt(buffer, at + 5, -1)
}

function putMultiEnd(buffer: Buffer, at: number): number {
  putInt(buffer, at, -1)
  buffer[at + 4] = 1
  return putInt(buffer, at + 5, -1)
}

/** An encoded access control list; the same for every node that a store creates. */
export function encodeAcl(entries: readonly AclEntry[]): Buffer {
  const parts = entries.map(({ perms, scheme, id }) => {
    const part = Buffer.alloc(4 + 4 + Buffer.byteLength(scheme) + 4 + Buffer.byteLength(id))
    putPath(part, putPath(part, putInt(part, 0, perms), scheme), id)
    return part
  })
  const count = Buffer.alloc(4)
  putInt(count, 0, entries.length)
  return Buffer.concat([count, ...parts])
}

/** A request without a body. */
export const emptyFrame = (type: number): Buffer => frame(type, 0)

/** A step of a SASL authentication. */
export function saslFrame(token: Uint8Array): Buffer {
  const buffer = frame(Op.sasl, 4 + token.length)
  putData(buffer, FRAME_HEADER, token)
  return buffer
}

/** A request with only a path. */
export function pathFrame(type: number, path: string): Buffer {
  const buffer = frame(type, 4 + Buffer.byteLength(path))
  putPath(buffer, FRAME_HEADER, path)
  return buffer
}

/** Makes the server catch up with the leader. */
export const syncFrame = (path: string): Buffer => pathFrame(Op.sync, path)

/** Gives a node another access control list. */
export function setAclFrame(path: string, entries: readonly AclEntry[]): Buffer {
  const ANY_VERSION = -1
  const acl = encodeAcl(entries)
  const buffer = frame(Op.setAcl, 4 + Buffer.byteLength(path) + acl.length + 4)
  const at = putPath(buffer, FRAME_HEADER, path)
  buffer.set(acl, at)
  putInt(buffer, at + acl.length, ANY_VERSION)
  return buffer
}

function watchingFrame(type: number, path: string, watch: boolean): Buffer {
  const buffer = frame(type, 4 + Buffer.byteLength(path) + 1)
  buffer[putPath(buffer, FRAME_HEADER, path)] = watch ? 1 : 0
  return buffer
}

/** Asks whether a node exists; with a watch, the next creation, deletion or change of it is signalled. */
export const existsFrame = (path: string, watch: boolean): Buffer => watchingFrame(Op.exists, path, watch)

/** Reads the data of one node; with a watch, the next time that it is deleted or set is told. */
export const getDataFrame = (path: string, watch: boolean): Buffer => watchingFrame(Op.getData, path, watch)

/** A harmless request of this many bytes: whether a node with a name of that length exists. */
export const paddedFrame = (bytes: number): Buffer =>
  existsFrame(`/${'x'.repeat(bytes - COUNTED_HEADER - 4 - 1 - 1)}`, false)

/** Adds or removes a watch of a whole subtree, or of a node and its children. */
export function watchFrame(
  type: typeof Op.addWatch | typeof Op.removeWatches,
  path: string,
  extent: 'subtree' | 'children',
): Buffer {
  const PERSISTENT = 0
  const PERSISTENT_RECURSIVE = 1
  const ANY = 3
  const mode = extent === 'subtree' ? PERSISTENT_RECURSIVE : PERSISTENT
  const buffer = frame(type, 4 + Buffer.byteLength(path) + 4)
  putInt(buffer, putPath(buffer, FRAME_HEADER, path), type === Op.addWatch ? mode : ANY)
  return buffer
}

/** One `getData` or `getChildren` per path, each answered separately. */
export function multiReadFrame(
  paths: readonly string[],
  type: typeof Op.getData | typeof Op.getChildren = Op.getData,
): Buffer {
  let bytes = MULTI_HEADER
  for (const path of paths) bytes += multiReadBytes(path)
  const buffer = frame(Op.multiRead, bytes)
  let at = FRAME_HEADER
  for (const path of paths) {
    at = putPath(buffer, putMultiHeader(buffer, at, type), path)
    // No watch.
    buffer[at++] = 0
  }
  putMultiEnd(buffer, at)
  return buffer
}

/** The bytes of a path in {@link multiReadFrame}. */
export const multiReadBytes = (path: string): number => MULTI_HEADER + 4 + Buffer.byteLength(path) + 1

/** The bytes of an operation in {@link multiFrame}. */
export function multiOpBytes(op: MultiOp, acl: Buffer): number {
  const path = MULTI_HEADER + 4 + Buffer.byteLength(op.path)
  switch (op.type) {
    case Op.create:
      return path + 4 + op.data.length + acl.length + 4
    case Op.setData:
      return path + 4 + op.data.length + 4
    default:
      return path + 4
  }
}

/** The operations in order, all or none; `opsBytes` is the sum of their {@link multiOpBytes}. */
export function multiFrame(ops: readonly MultiOp[], opsBytes: number, acl: Buffer): Buffer {
  const buffer = frame(Op.multi, opsBytes + MULTI_HEADER)
  let at = FRAME_HEADER
  for (const op of ops) {
    at = putPath(buffer, putMultiHeader(buffer, at, op.type), op.path)
    switch (op.type) {
      case Op.create:
        at = putData(buffer, at, op.data)
        buffer.set(acl, at)
        at = putInt(buffer, at + acl.length, op.ephemeral ? EPHEMERAL : PERSISTENT)
        break
      case Op.setData:
        at = putInt(buffer, putData(buffer, at, op.data), op.version)
        break
      default:
        at = putInt(buffer, at, op.version)
    }
  }
  putMultiEnd(buffer, at)
  return buffer
}
