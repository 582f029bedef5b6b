import type { Transport } from '../../engines/zookeeper/session/surroundings.ts'
import { FrameReader } from '../../engines/zookeeper/wire/framing.ts'
import { JuteReader, JuteWriter } from './jute.ts'
import { type Acl, Op, type ReadOp, type Request, type WriteOp } from './protocol.ts'
import { type Answer, readAnswer } from './raw-answer.ts'

/** A request without its number. */
export type Asked = Request extends infer R ? (R extends { xid: number } ? Omit<R, 'xid'> : never) : never

export interface RawClientOptions {
  readonly timeout: number
  /** The session to resume. */
  readonly resume?: { readonly session: Buffer; readonly password: Buffer } | undefined
  readonly lastZxid?: number | undefined
  readonly onEvent?: (type: number, path: string) => void
}

function putAcl(writer: JuteWriter, acl: readonly Acl[]): JuteWriter {
  return writer.vector(acl, ({ perms, scheme, id }) => writer.int(perms).string(scheme).string(id))
}

function putOp(writer: JuteWriter, op: WriteOp | ReadOp): void {
  writer.string(op.path)
  if ('acl' in op) putAcl(writer.buffer(op.data), op.acl).int(op.flags)
  else if ('data' in op) writer.buffer(op.data).int(op.version)
  else if ('version' in op) writer.int(op.version)
  else writer.bool(op.watch)
}

function requestFrame(xid: number, request: Asked): Buffer {
  const writer = new JuteWriter().int(xid).int(request.type)
  if ('ops' in request) {
    for (const op of request.ops) putOp(writer.int(op.type).bool(false).int(-1), op)
    writer.int(-1).bool(true).int(-1)
  } else if ('mode' in request) writer.string(request.path).int(request.mode)
  else if ('scheme' in request) writer.int(0).string(request.scheme).buffer(request.auth)
  else if (request.type === Op.sync) writer.string(request.path)
  else if ('path' in request) putOp(writer, request)
  return writer.frame()
}

const XIDS: Readonly<Record<number, number>> = { [Op.ping]: -2, [Op.auth]: -4 }

/**
 * A simple client on one connection, independent of the engine: for tests of the model, and as another client in
 * simulations.
 */
export class RawClient {
  readonly #socket: Transport
  readonly #onEvent: (type: number, path: string) => void
  readonly #waiting = new Map<number, { readonly request: Asked; settle(answer: Answer | undefined): void }>()
  #greet: (granted: boolean) => void = () => {}
  #xid = 0
  /** The session, once the server has confirmed it. */
  session: { readonly id: Buffer; readonly password: Buffer; readonly timeout: number } | undefined
  /** Resolves with true once there is a session, with false if there will be none. */
  readonly opened: Promise<boolean>
  closed = false

  constructor(socket: Transport, options: RawClientOptions) {
    this.#socket = socket
    this.#onEvent = options.onEvent ?? (() => {})
    this.opened = new Promise(resolve => {
      this.#greet = resolve
    })
    const reader = new FrameReader(frame => this.#onFrame(frame))
    socket.on('connect', () => {
      const { resume, timeout, lastZxid = 0 } = options
      const frame = new JuteWriter().int(0).long(lastZxid).int(timeout)
      frame.bytes(resume?.session ?? Buffer.alloc(8)).buffer(resume?.password ?? Buffer.alloc(16))
      socket.write(frame.bool(false).frame())
    })
    socket.on('data', chunk => reader.push(chunk))
    socket.on('error', () => {})
    socket.on('close', () => this.#onClosed())
  }

  /** The answer, or `undefined` if the connection was lost before. */
  ask(request: Asked): Promise<Answer | undefined> {
    const xid = XIDS[request.type] ?? ++this.#xid
    return new Promise(resolve => {
      if (this.closed) return resolve(undefined)
      this.#waiting.set(xid, { request, settle: resolve })
      this.#socket.write(requestFrame(xid, request))
    })
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #onFrame(frame: Buffer): void {
    const reader = new JuteReader(frame)
    if (this.session === undefined) {
      reader.int()
      const timeout = reader.int()
      this.session = { timeout, id: reader.raw(8), password: reader.buffer() ?? Buffer.alloc(0) }
      this.#greet(timeout > 0)
      return
    }
    const xid = reader.int()
    const zxid = reader.long()
    const code = reader.int()
    if (xid === -1) {
      const type = reader.int()
      reader.int()
      this.#onEvent(type, reader.string())
      return
    }
    const waiting = this.#waiting.get(xid)
    this.#waiting.delete(xid)
    waiting?.settle(readAnswer(waiting.request, zxid, code, reader))
  }

  #onClosed(): void {
    this.closed = true
    this.#greet(false)
    for (const { settle } of this.#waiting.values()) settle(undefined)
    this.#waiting.clear()
  }
}
