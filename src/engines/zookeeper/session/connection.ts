import zookeeper from 'node-zookeeper-client'
import { Queue } from '../../../base/queue.ts'
import { FrameReader } from '../wire/framing.ts'
import { codeName, endsConnection, Op, Xid } from '../wire/protocol.ts'
import { readData } from '../wire/replies.ts'
import { saslFrame } from '../wire/requests.ts'
import { readZxid, zxidBytes } from '../wire/zxid.ts'
import type { ServerAddress } from './addresses.ts'
import { DigestMd5 } from './digest-md5.ts'
import type { PacketLimit } from './packet-limit.ts'
import type { Surroundings } from './surroundings.ts'
import { type Tls, tlsFailure } from './tls.ts'

/** The credentials with which a session is resumed. */
export interface Ticket {
  readonly id: Buffer
  readonly password: Buffer
  /** The negotiated session timeout, in milliseconds. */
  readonly timeout: number
}

/** A name and password. */
export interface Credentials {
  readonly user: string
  readonly password: string
  /** How they are shown: sent in ZooKeeper's own scheme (the default), or proven by SASL DIGEST-MD5. */
  readonly scheme?: 'digest' | 'sasl' | undefined
}

/** A request: its frame, and its handlers. Exactly one of `replied` and `lost` is called, once. */
export interface Packet {
  readonly type: number
  /** The whole frame, sent once; the request number (xid) is filled in then. */
  readonly frame: Buffer
  /** Called with the reply: its error code, its zxid, and the frame, whose body begins at {@link REPLY_BODY}. */
  replied(error: number, zxid: number, reply: Buffer): void
  /** Called if the connection was lost; whether the request was carried out is unknown. */
  lost(): void
}

export interface ConnectionOptions {
  readonly address: ServerAddress
  /** How the connection is secured. */
  readonly tls?: Tls | undefined
  /** The requested session timeout, in milliseconds. */
  readonly sessionTimeout: number
  /** The session to resume. */
  readonly ticket?: Ticket | undefined
  /** The newest zxid seen; a server that is behind it refuses the connection. */
  readonly lastZxid: number
  readonly credentials?: Credentials | undefined
  /** The xid of the first request; for tests. */
  readonly firstXid: number
  /** Learns from the sizes of answered requests. */
  readonly packetLimit: PacketLimit
}

/** The events of a connection, from the callbacks of the socket. None comes after `closed`. */
export interface ConnectionEvents {
  /** The handshake is done, and the credentials were accepted. */
  opened(ticket: Ticket): void
  /** The session to resume has expired. */
  expired(): void
  /** The credentials were refused; `reason` follows the name of the server. */
  authFailed(reason: string): void
  /** A watch event, as its reply frame. */
  event(reply: Buffer): void
  /** A run of watch events has ended. */
  eventsEnd(): void
  /** `largest` is the size of the largest request in flight if the server closed an open connection, else 0. */
  closed(reason: string, largest: number): void
}

/** The states of node-zookeeper-client before the end of the handshake, and in which its queue sends. */
const CONNECTING = 1
const CONNECTED = 2

/** The first byte of a TLS alert; a ZooKeeper handshake reply cannot begin with it. */
const TLS_ALERT = 0x15

const MAX_XID = 0x7fff_ffff
/** Negative numbers and zero are reserved. */
const xidAfter = (xid: number): number => (xid === MAX_XID ? 1 : xid + 1)

/** The length field before a frame, which does not count itself. */
const LENGTH_BYTES = 4

/** A message for a network error, including Node's aggregate errors, which have no message. */
function describe(error: Error): string {
  if (error instanceof AggregateError) return error.errors.map(each => describe(each as Error)).join(', ')
  return error.message
}

/**
 * One TCP connection to one server, never reconnected. Only this file knows node-zookeeper-client, which does the
 * handshake, the credentials and the outgoing queue. The socket is opened here, and replies are split and matched here;
 * the client's own reply decoder, pings, reconnection and callbacks are never used.
 */
export class Connection {
  readonly #events: ConnectionEvents
  readonly #options: ConnectionOptions
  readonly #surroundings: Surroundings
  readonly #client: ReturnType<typeof zookeeper.createClient>
  /** The requests in flight, in the order of sending, which is that of the replies. */
  readonly #pending = new Queue<Packet>()
  /** The xid of the first of them. */
  #firstPending: number
  readonly #reader = new FrameReader(frame => this.#onFrame(frame))
  #xid: number
  #ticket: Ticket | undefined
  #eventsCame = false
  #endingEvents = false
  /** The size of the largest answered frame. */
  #largestFrame = 0
  #error: Error | undefined
  #cut: string | undefined
  #phase: 'connecting' | 'handshake' | 'auth' | 'open' | 'closed' = 'connecting'
  /** When the server last showed that it answers, by the clock. */
  answeredAt = 0
  /** The newest zxid in a reply. */
  lastZxid: number

  constructor(options: ConnectionOptions, events: ConnectionEvents, surroundings: Surroundings) {
    this.#surroundings = surroundings
    this.#events = events
    this.#options = options
    this.lastZxid = options.lastZxid
    this.#xid = options.firstXid
    this.#firstPending = options.firstXid
    this.#client = zookeeper.createClient('server', {
      sessionTimeout: options.sessionTimeout,
      sessionId: options.ticket?.id,
      sessionPassword: options.ticket?.password,
    })
    this.#takeOver()
  }

  /** Starts to connect. */
  open(): void {
    const manager = this.#client.connectionManager
    manager.setState(CONNECTING)
    const { address, tls } = this.#options
    const socket = this.#surroundings.connect(address, tls)
    manager.socket = socket
    socket.on(tls === undefined ? 'connect' : 'secureConnect', () => {
      this.#phase = 'handshake'
      manager.onSocketConnected()
    })
    socket.on('data', chunk => this.#onData(chunk))
    socket.on('drain', () => manager.onPacketQueueReadable())
    socket.on('error', error => {
      this.#error = error
    })
    socket.on('close', () => this.#onClosed())
  }

  /** What it is waiting for before it is open, for people. */
  get awaited(): string {
    return this.#phase === 'connecting' && this.#options.tls !== undefined
      ? 'the TLS handshake'
      : 'the handshake'
  }

  /** Sends a request; only between `opened` and `closed`. */
  send(request: Packet): void {
    request.frame.writeInt32BE(this.#xid, 4)
    this.#xid = xidAfter(this.#xid)
    this.#pending.push(request)
    this.#queue(request.type, request.frame)
  }

  /** Pings the server, which shows both sides that the other is alive. */
  ping(): void {
    const frame = Buffer.allocUnsafe(12)
    frame.writeInt32BE(8, 0)
    frame.writeInt32BE(Xid.ping, 4)
    frame.writeInt32BE(Op.ping, 8)
    this.#queue(Op.ping, frame)
  }

  /** The client numbers requests, too, from zero and beyond the range of the protocol; its numbers are not used. */
  #queue(type: number, frame: Buffer): void {
    this.#client.connectionManager.queue({ header: { type, xid: 0 }, toBuffer: () => frame })
  }

  /** Ends the connection at once; `closed` follows in a later turn. */
  cut(reason: string): void {
    if (this.#phase === 'closed') return
    this.#cut ??= reason
    this.#reader.stop()
    this.#client.connectionManager.socket?.destroy()
  }

  /** Takes over the client's connection manager, before it connects. */
  #takeOver(): void {
    const { lastZxid, credentials } = this.#options
    const manager = this.#client.connectionManager
    manager.zxid = zxidBytes(lastZxid)
    // Otherwise it would keep every packet until its own decoder took the reply.
    manager.pendingQueue = { push() {}, shift: () => undefined }
    if (credentials !== undefined && credentials.scheme !== 'sasl') {
      this.#client.addAuthInfo('digest', Buffer.from(`${credentials.user}:${credentials.password}`))
    }
  }

  #onData(chunk: Buffer): void {
    // A large reply in the middle of its arrival also shows that the server is alive.
    if (this.#reader.midFrame) this.answeredAt = this.#surroundings.timing.now()
    if (this.#phase === 'handshake' && chunk[0] === TLS_ALERT && this.#options.tls === undefined) {
      this.cut('the server speaks TLS on this port')
      return
    }
    try {
      this.#reader.push(chunk)
      if (this.#options.tls === undefined) this.#endEvents()
      else this.#endEventsSoon()
    } catch (error) {
      this.cut(`unreadable answer: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  #onFrame(frame: Buffer): void {
    if (this.#phase === 'handshake') {
      this.#onHandshake(frame)
      return
    }
    const xid = frame.readInt32BE(0)
    if (xid === Xid.event) {
      this.#eventsCame = true
      this.#events.event(frame)
      return
    }
    this.#endEvents()
    this.answeredAt = this.#surroundings.timing.now()
    const error = frame.readInt32BE(12)
    if (xid === Xid.ping) return
    if (xid === Xid.auth) {
      this.#onAuth(error)
      return
    }
    const request = this.#pending.peek()
    if (request === undefined || xid !== this.#firstPending)
      throw new Error(`an answer to request ${xid}, which was not asked`)
    if (endsConnection(error)) {
      this.cut(`the server answered ${codeName(error)}`)
      return
    }
    const zxid = readZxid(frame, 4)
    if (zxid > this.lastZxid) this.lastZxid = zxid
    // Removed only after the reply was taken: if it cannot be read, the request is lost with the connection.
    request.replied(error, zxid, frame)
    this.#pending.shift()
    this.#firstPending = xidAfter(xid)
    if (request.frame.length > this.#largestFrame) {
      this.#largestFrame = request.frame.length
      this.#options.packetLimit.answered(request.frame.length - LENGTH_BYTES)
    }
  }

  /** With TLS each event is a record, and a chunk, of its own: those that came in one go are told as one. */
  #endEventsSoon(): void {
    if (!this.#eventsCame || this.#endingEvents) return
    this.#endingEvents = true
    setImmediate(() => {
      this.#endingEvents = false
      this.#endEvents()
    })
  }

  #endEvents(): void {
    if (!this.#eventsCame) return
    this.#eventsCame = false
    this.#events.eventsEnd()
  }

  #onHandshake(frame: Buffer): void {
    const timeout = frame.readInt32BE(4)
    this.answeredAt = this.#surroundings.timing.now()
    if (timeout <= 0) {
      this.#events.expired()
      this.cut('the session is expired')
      return
    }
    const passwordLength = frame.readInt32BE(16)
    this.#ticket = {
      // Copied, because the frame is a view of a larger chunk.
      id: Buffer.from(frame.subarray(8, 16)),
      password: Buffer.from(frame.subarray(20, 20 + passwordLength)),
      timeout,
    }
    this.#phase = 'auth'
    const manager = this.#client.connectionManager
    manager.setState(CONNECTED)
    manager.onPacketQueueReadable()
    const { credentials } = this.#options
    if (credentials === undefined) this.#onAuth(0)
    else if (credentials.scheme === 'sasl') {
      this.#proceedSasl(new DigestMd5(credentials.user, credentials.password), Buffer.alloc(0))
    }
  }

  #proceedSasl(mechanism: DigestMd5, token: Buffer): void {
    const replied = (error: number, _zxid: number, reply: Buffer): void => {
      if (error !== 0) {
        this.#onAuth(error)
        return
      }
      let next: Buffer | undefined
      try {
        next = mechanism.answer(readData(reply))
      } catch (problem) {
        this.#onAuthFailed((problem as Error).message)
        return
      }
      if (next === undefined) this.#onAuth(0)
      else this.#proceedSasl(mechanism, next)
    }
    this.send({ type: Op.sasl, frame: saslFrame(token), replied, lost: () => {} })
  }

  #onAuth(error: number): void {
    if (error !== 0) this.#onAuthFailed(`refused the credentials: ${codeName(error)}`)
    else if (this.#phase === 'auth') {
      this.#phase = 'open'
      this.#events.opened(this.#ticket!)
    }
  }

  #onAuthFailed(reason: string): void {
    this.#events.authFailed(reason)
    this.cut('the credentials were refused')
  }

  #largestPending(): number {
    let largest = 0
    for (let i = 0; i < this.#pending.length; i++) {
      largest = Math.max(largest, this.#pending.at(i)!.frame.length - LENGTH_BYTES)
    }
    return largest
  }

  /** Why the server, or the network, closed the connection in `phase`, for people. */
  #reasonOfServer(phase: string): string {
    const error = this.#error
    const { tls } = this.#options
    if (error !== undefined) {
      const failure = tls === undefined ? undefined : tlsFailure(error, phase === 'connecting')
      return failure ?? describe(error)
    }
    if (phase === 'open') return 'closed by the server'
    const hint =
      tls === undefined ? 'a port for TLS does so' : 'one that does not take our certificate does so'
    return `closed by the server during the handshake${phase === 'handshake' ? `; ${hint}` : ''}`
  }

  #onClosed(): void {
    const phase = this.#phase
    this.#phase = 'closed'
    this.#reader.stop()
    this.#endEvents()
    const largest = phase === 'open' && this.#cut === undefined ? this.#largestPending() : 0
    this.#events.closed(this.#cut ?? this.#reasonOfServer(phase), largest)
    for (const request of this.#pending.take(this.#pending.length)) request.lost()
  }
}
