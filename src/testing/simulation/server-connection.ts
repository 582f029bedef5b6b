import { createHash } from 'node:crypto'
import { FrameReader } from '../../engines/zookeeper/wire/framing.ts'
import { readHandshake, readRequest } from './decode.ts'
import { eventFrame, handshakeFrame, putEach, putResult, replyFrame } from './encode.ts'
import type { Receiver, ServerEnd } from './line.ts'
import type { Transaction } from './log.ts'
import { Code, goesToLeader, type Identity, Op, Permission, type Request } from './protocol.ts'
import { readReply } from './read.ts'
import type { Server } from './server.ts'
import { isPermitted, type TreeNode } from './tree.ts'
import type { Watcher } from './watches.ts'

/** A request that waits for its turn, with its reply once there is one. */
interface Waiting {
  readonly request: Request
  reply: (() => Buffer | undefined) | undefined
}

/** The server's side of one connection: answers requests in their order. */
export class ServerConnection implements Receiver, Watcher {
  readonly #server: Server
  readonly #end: ServerEnd
  readonly #reader = new FrameReader(frame => this.#onFrame(frame))
  #queue: Waiting[] = []
  #identities: Identity[] = []
  #greeted = false
  #closed = false
  session = 0

  constructor(server: Server, end: ServerEnd) {
    this.#server = server
    this.#end = end
    server.connections.add(this)
  }

  data(chunk: Buffer): void {
    if (this.#closed) return
    try {
      this.#reader.push(chunk)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      this.reset()
    }
  }

  closed(): void {
    this.#forget()
  }

  reset(): void {
    if (this.#closed) return
    this.#forget()
    this.#end.reset()
  }

  /** The session was ended: the connection is closed once the earlier requests are answered. */
  endsSession(): void {
    if (this.#queue.some(({ request }) => request.type === Op.closeSession)) return
    this.#close()
  }

  notify(type: number, path: string, node: TreeNode): void {
    if (isPermitted(node, Permission.read, this.#identities)) this.#send(eventFrame(type, path))
  }

  #close(): void {
    if (this.#closed) return
    this.#forget()
    this.#end.close()
  }

  #forget(): void {
    this.#closed = true
    this.#reader.stop()
    this.#queue = []
    this.#server.connections.delete(this)
    this.#server.watches.forget(this)
  }

  #send(frame: Buffer): void {
    if (!this.#closed) this.#end.write(frame)
  }

  #onFrame(frame: Buffer): void {
    const server = this.#server
    const { ensemble } = server
    if (!server.serving || frame.length > ensemble.options.maxPacketBytes) {
      this.reset()
      return
    }
    if (!this.#greeted) {
      this.#greeted = true
      this.#onHandshake(frame)
      return
    }
    ensemble.sessions.touch(this.session, ensemble.clock.now)
    const request = readRequest(frame)
    if (request === undefined) {
      this.#send(replyFrame(frame.readInt32BE(0), server.tree.lastZxid, Code.unimplemented))
    } else if (request.type === Op.auth) this.#onAuth(request.scheme, request.auth)
    else this.#ask(request)
  }

  #onHandshake(frame: Buffer): void {
    const server = this.#server
    const { ensemble } = server
    const { lastZxid, timeout, session, password } = readHandshake(frame)
    if (lastZxid > server.tree.lastZxid) {
      this.reset()
      return
    }
    const { sessions, clock, random } = ensemble
    if (session === 0) {
      const begun = sessions.next(timeout, random.next)
      server.forward(() =>
        ensemble.begin({ ...begun, owner: server, heardAt: clock.now, closing: false }, () =>
          this.#greet(begun.id, begun.timeout, begun.password),
        ),
      )
      return
    }
    for (const other of [...server.connections]) if (other.session === session) other.reset()
    server.forward(() => {
      const resumed = sessions.alive(session)
      const right = resumed?.password.equals(password) === true
      if (resumed !== undefined && right) {
        resumed.owner = server
        resumed.heardAt = clock.now
      }
      server.tell(() => {
        if (resumed !== undefined && right) this.#greet(session, resumed.timeout, password)
        else {
          this.#send(handshakeFrame(0, 0, Buffer.alloc(16)))
          this.#close()
        }
      })
    })
  }

  #greet(session: number, timeout: number, password: Buffer): void {
    if (this.#closed) return
    this.session = session
    this.#send(handshakeFrame(timeout, session, password))
    this.#drain()
  }

  #onAuth(scheme: string, auth: Buffer): void {
    const refused = scheme !== 'digest' || this.#server.ensemble.refusesCredentials
    if (!refused) {
      const user = auth.toString().split(':')[0]
      const id = `${user}:${createHash('sha1').update(auth).digest('base64')}`
      this.#identities = [...this.#identities, { scheme, id }]
    }
    const AUTH_XID = -4
    this.#send(replyFrame(AUTH_XID, 0, refused ? Code.authFailed : Code.ok))
    if (refused) this.#close()
  }

  #ask(request: Request): void {
    const server = this.#server
    const { ensemble } = server
    const waiting: Waiting = { request, reply: undefined }
    this.#queue.push(waiting)
    const throttled =
      ensemble.throttling > 0 &&
      request.type !== Op.ping &&
      request.type !== Op.closeSession &&
      ensemble.random.chance(ensemble.throttling)
    if (throttled) {
      waiting.reply = () => replyFrame(request.xid, server.tree.lastZxid, Code.throttled)
    } else if (goesToLeader(request)) {
      const answer = (reply: Waiting['reply']) => {
        waiting.reply = reply
        this.#drain()
      }
      server.forward(() => {
        if (request.type === Op.sync) {
          ensemble.sync(server, () =>
            answer(() =>
              replyFrame(request.xid, server.tree.lastZxid, Code.ok, body => body.string(request.path)),
            ),
          )
          return
        }
        const asker = { server, session: this.session, identities: this.#identities }
        ensemble.propose(asker, request, transaction => answer(() => this.#written(request, transaction)))
      })
    } else waiting.reply = () => readReply(request, server, this.#identities, this)
    this.#drain()
  }

  /** Sends the replies that are ready, in order; none before the handshake. */
  #drain(): void {
    if (this.session === 0) return
    while (this.#queue[0]?.reply !== undefined && !this.#closed) {
      const { request, reply } = this.#queue.shift()!
      const frame = reply!()
      if (frame !== undefined) this.#send(frame)
      if (request.type === Op.closeSession) this.#close()
    }
  }

  #written(request: Request, { zxid, outcome }: Transaction): Buffer | undefined {
    const { xid } = request
    if (outcome === Code.sessionMoved) {
      this.#close()
      return undefined
    }
    if (typeof outcome === 'number') return replyFrame(xid, zxid, outcome)
    return replyFrame(xid, zxid, Code.ok, body => {
      if (request.type === Op.multi) putEach(body, outcome, putResult)
      else if (outcome[0] !== undefined) putResult(body, outcome[0])
    })
  }
}
