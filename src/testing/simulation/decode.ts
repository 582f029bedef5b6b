import { JuteReader } from './jute.ts'
import { type Acl, Op, type ReadOp, type Request, type WriteOp } from './protocol.ts'

/** The first message of a client. */
export interface Handshake {
  readonly lastZxid: number
  readonly timeout: number
  readonly session: number
  readonly password: Buffer
}

export function readHandshake(frame: Buffer): Handshake {
  const reader = new JuteReader(frame)
  reader.int()
  const lastZxid = reader.long()
  const timeout = reader.int()
  const session = reader.long()
  return { lastZxid, timeout, session, password: reader.buffer() ?? Buffer.alloc(0) }
}

function readAcl(reader: JuteReader): Acl[] {
  return reader.vector(() => ({ perms: reader.int(), scheme: reader.string(), id: reader.string() }))
}

function readWrite(type: WriteOp['type'], reader: JuteReader): WriteOp {
  const path = reader.string()
  switch (type) {
    case Op.create:
    case Op.create2:
      return { type, path, data: reader.buffer(), acl: readAcl(reader), flags: reader.int() }
    case Op.setData:
      return { type, path, data: reader.buffer(), version: reader.int() }
    default:
      return { type, path, version: reader.int() }
  }
}

/** In a multi, ZooKeeper treats a create2 like a create. */
const readPart = (type: WriteOp['type'], reader: JuteReader): WriteOp =>
  readWrite(type === Op.create2 ? Op.create : type, reader)

function readRead(type: ReadOp['type'], reader: JuteReader): ReadOp {
  return { type, path: reader.string(), watch: reader.bool() }
}

/** The operations of a multi or multiRead, each with its header, up to the end marker. */
function readOps<T>(reader: JuteReader, read: (type: number) => T): T[] {
  const ops: T[] = []
  for (;;) {
    const type = reader.int()
    const done = reader.bool()
    reader.int()
    if (done) return ops
    ops.push(read(type))
  }
}

/** A request, or `undefined` for one that the model does not know; throws a RangeError if it is truncated. */
export function readRequest(frame: Buffer): Request | undefined {
  const reader = new JuteReader(frame)
  const xid = reader.int()
  const type = reader.int()
  switch (type) {
    case Op.create:
    case Op.create2:
    case Op.setData:
    case Op.delete:
    case Op.check:
      return { xid, ...readWrite(type, reader) }
    case Op.getData:
    case Op.exists:
    case Op.getChildren:
    case Op.getChildren2:
      return { xid, ...readRead(type, reader) }
    case Op.multi:
      return { xid, type, ops: readOps(reader, each => readPart(each as WriteOp['type'], reader)) }
    case Op.multiRead:
      return { xid, type, ops: readOps(reader, each => readRead(each as ReadOp['type'], reader)) }
    case Op.sync:
      return { xid, type, path: reader.string() }
    case Op.addWatch:
    case Op.removeWatches:
      return { xid, type, path: reader.string(), mode: reader.int() }
    case Op.auth:
      reader.int()
      return { xid, type, scheme: reader.string(), auth: reader.buffer() ?? Buffer.alloc(0) }
    case Op.ping:
    case Op.closeSession:
      return { xid, type }
    default:
      return undefined
  }
}
