import { BehaviorSubject, type Subscription } from 'rxjs'
import { KVError } from '../../../base/errors.ts'
import type { Timing } from '../../../base/timing.ts'
import type { ConnectionState, Status } from '../../../contract/engine.ts'
import { Op } from '../wire/protocol.ts'
import { emptyFrame, paddedFrame } from '../wire/requests.ts'
import type { ServerAddress } from './addresses.ts'
import { showAddress } from './addresses.ts'
import { Attempts } from './attempts.ts'
import { Connection, type Credentials, type Packet, type Ticket } from './connection.ts'
import { Membership } from './membership.ts'
import type { PacketLimit } from './packet-limit.ts'
import type { Surroundings } from './surroundings.ts'
import type { Tls } from './tls.ts'

export interface SessionConfig {
  readonly servers: readonly ServerAddress[]
  /** Whether the servers that the ensemble says it has take their place. */
  readonly followServers?: boolean | undefined
  /** How connections are secured. */
  readonly tls?: Tls | undefined
  /** The requested session timeout, in milliseconds. */
  readonly timeout: number
  readonly credentials?: Credentials | undefined
  /** The xid of the first request of a connection; for tests. */
  readonly firstXid?: number | undefined
  readonly packetLimit: PacketLimit
}

/** The events of a session. */
export interface SessionEvents {
  /** Connected; requests sent now precede all others on this connection. */
  connected(): void
  /**
   * The connection was lost; `send` must not be called until `connected`. The requests in flight get `lost` after this.
   */
  disconnected(): void
  /** A watch event. */
  event(reply: Buffer): void
  /** A run of watch events has ended. */
  eventsEnd(): void
  /** The credentials were refused: there will be no further connection. */
  failed(error: KVError): void
}

/** How long `close` waits for the server, in milliseconds. */
const CLOSE_TIMEOUT = 1000

/**
 * Keeps a session alive over many connections.
 *
 * - It tries the servers in random order, each with a deadline for the whole handshake, with growing pauses between
 *   rounds; the one that was lost last comes last.
 * - It resumes with session id and password, and sends the newest zxid that it saw, so that no server with an older
 *   state accepts it. When a server says that the session has expired, a new one begins. The client's own clock only
 *   changes the status to `lost`. The session itself is given up only when a server says so, because that answer also
 *   proves that no request of the old session can still be carried out, which finding out the outcome of interrupted
 *   writes relies on.
 * - It pings every third of the session timeout, regardless of other traffic, and cuts the connection if no answer
 *   comes within another third.
 * - If a server closed the connection on a large request, the next connection first finds out whether the size was the
 *   reason ({@link PacketLimit}), before it counts as connected.
 * - Where it is to follow the servers, those that the ensemble has by now are tried, and a connection to one that has
 *   left it is given up for one to another ({@link Membership}).
 * - Refused credentials are final: status `lost` with the reason, no further attempt.
 */
export class Session {
  readonly status$: BehaviorSubject<Status>
  readonly #options: SessionConfig
  readonly #events: SessionEvents
  readonly #surroundings: Surroundings
  readonly #timing: Timing
  readonly #attempts: Attempts
  readonly #membership: Membership | undefined
  /** The servers that the ensemble said it has, and the one that is tried or connected to, as they are shown. */
  #members: ReadonlySet<string> = new Set()
  #server = ''
  #ticket: Ticket | undefined
  #connection: Connection | undefined
  /** The progress of the connection: in its handshake, measuring the packet limit, or open. */
  #progress: 'handshake' | 'measuring' | 'open' = 'handshake'
  #lastZxid = 0
  #retryTimer: Subscription | undefined
  #handshakeTimer: Subscription | undefined
  #probeTimer: Subscription | undefined
  #lostTimer: Subscription | undefined
  #openedAt = 0
  #closed: Promise<void> | undefined
  #settleClose: () => void = () => {}
  #closeTimer: Subscription | undefined
  #phase: 'live' | 'failed' | 'closing' | 'ended' = 'live'

  constructor(options: SessionConfig, events: SessionEvents, surroundings: Surroundings) {
    this.#options = options
    this.#events = events
    this.#surroundings = surroundings
    this.#timing = surroundings.timing
    this.#attempts = new Attempts(options.servers, surroundings.random)
    this.#membership = options.followServers
      ? new Membership(
          packet => this.send(packet),
          servers => this.#onMembers(servers),
          reason => this.#setStatus('connected', `${this.#server}; its servers are not followed: ${reason}`),
        )
      : undefined
    this.status$ = new BehaviorSubject<Status>({
      state: 'suspended',
      reason: `connecting to ${options.servers.map(showAddress).join(', ')}`,
    })
  }

  /** Starts to connect. */
  start(): void {
    this.#attempt()
  }

  get connected(): boolean {
    return this.#progress === 'open'
  }

  /** The id of the session in the notation of ZooKeeper's tools; only while there is one. */
  get #id(): string {
    return this.#ticket === undefined ? '' : `0x${this.#ticket.id.toString('hex').replace(/^0+(?=.)/, '')}`
  }

  /** The newest zxid seen: requests sent from now on happen after it. */
  get lastZxid(): number {
    return this.#connection === undefined
      ? this.#lastZxid
      : Math.max(this.#lastZxid, this.#connection.lastZxid)
  }

  /** Sends a request; only while `connected`. */
  send(request: Packet): void {
    this.#connection!.send(request)
  }

  /** Ends the session on the server, if one can be reached within a second, and releases everything. */
  close(): Promise<void> {
    this.#closed ??= new Promise<void>(resolve => {
      const nothingToEnd = this.#phase === 'failed' || this.#ticket === undefined
      this.#phase = 'closing'
      this.#settleClose = resolve
      this.#closeTimer = this.#timing.after(CLOSE_TIMEOUT, () => this.#finish())
      if (this.connected) this.#sendClose()
      else if (this.#connection === undefined) {
        // One last attempt to end the session, which an earlier connection began.
        if (nothingToEnd) this.#finish()
        else this.#attempt()
      }
    })
    return this.#closed
  }

  #setStatus(state: ConnectionState, reason: string): void {
    const { value } = this.status$
    if (value.state !== state || value.reason !== reason) this.status$.next({ state, reason })
  }

  /** A third of the session timeout: the interval of pings, and the deadline of their answers. */
  get #third(): number {
    return (this.#ticket?.timeout ?? this.#options.timeout) / 3
  }

  #attempt(): void {
    this.#retryTimer?.unsubscribe()
    const address = this.#attempts.next()
    const shown = showAddress(address)
    this.#server = shown
    let expired = false
    const connection = new Connection(
      {
        address,
        tls: this.#options.tls,
        sessionTimeout: this.#options.timeout,
        ticket: this.#ticket,
        lastZxid: this.#lastZxid,
        credentials: this.#options.credentials,
        firstXid: this.#options.firstXid ?? 1,
        packetLimit: this.#options.packetLimit,
      },
      {
        opened: ticket => this.#onOpened(ticket, shown),
        expired: () => {
          expired = true
          this.#onExpired()
        },
        authFailed: reason => this.#onAuthFailed(`${shown} ${reason}`),
        event: reply => {
          this.#membership?.event(reply)
          this.#events.event(reply)
        },
        eventsEnd: () => this.#events.eventsEnd(),
        closed: (reason, largest) => this.#onClosed(address, reason, expired, largest),
      },
      this.#surroundings,
    )
    this.#connection = connection
    const allowed = this.#third / Math.min(this.#attempts.count, 3)
    this.#handshakeTimer = this.#timing.afterReading(allowed, () => {
      if (this.#progress !== 'handshake' || this.#connection !== connection) return
      connection.cut(`no answer to ${connection.awaited} in ${Math.round(allowed)} ms`)
    })
    connection.open()
  }

  #onOpened(ticket: Ticket, shown: string): void {
    this.#handshakeTimer?.unsubscribe()
    this.#lostTimer?.unsubscribe()
    const resumed = this.#ticket !== undefined
    this.#ticket = ticket
    this.#openedAt = this.#timing.now()
    this.#attempts.opened()
    this.#probe(this.#connection!)
    this.#whenLimitKnown(() => {
      this.#progress = 'open'
      this.#events.connected()
      this.#setStatus('connected', `${shown}, session ${this.#id}${resumed ? ' resumed' : ''}`)
      this.#membership?.ask()
    })
  }

  /** These are the servers of the ensemble by now. */
  #onMembers(servers: readonly ServerAddress[]): void {
    const before = this.#members
    this.#members = new Set(servers.map(showAddress))
    this.#attempts.replace(servers)
    // What we were given may have other names for the same servers.
    if (before.has(this.#server) && !this.#members.has(this.#server)) {
      this.#connection?.cut('the server has left the ensemble')
    }
  }

  /** Proceeds once the packet limit need not be measured (any more). */
  #whenLimitKnown(proceed: () => void): void {
    if (this.#phase !== 'live') {
      this.#sendClose()
      return
    }
    this.#progress = 'measuring'
    const bytes = this.#options.packetLimit.next()
    if (bytes === undefined) {
      proceed()
      return
    }
    this.#connection!.send({
      type: Op.exists,
      frame: paddedFrame(bytes),
      replied: () => this.#whenLimitKnown(proceed),
      lost: () => {},
    })
  }

  #onExpired(): void {
    this.#ticket = undefined
    // The next attempt begins a new session.
    this.#attempts.hurry()
    this.#setStatus('lost', 'the session expired')
  }

  #onAuthFailed(reason: string): void {
    if (this.#phase === 'live') this.#phase = 'failed'
    this.#setStatus('lost', `AUTH: ${reason}`)
    this.#events.failed(new KVError('AUTH', reason))
  }

  #onClosed(address: ServerAddress, reason: string, expired: boolean, largest: number): void {
    const connection = this.#connection!
    const progress = this.#progress
    this.#handshakeTimer?.unsubscribe()
    this.#probeTimer?.unsubscribe()
    this.#lastZxid = this.lastZxid
    this.#connection = undefined
    this.#progress = 'handshake'
    if (progress === 'open') this.#events.disconnected()
    if (this.#phase === 'ended') {
      this.#settleClose()
      return
    }
    if (this.#phase === 'closing') {
      this.#finish()
      return
    }
    if (this.#phase === 'failed') return
    const attempts = this.#attempts
    attempts.failed(address, reason)
    const limitNearer = this.#options.packetLimit.closedOn(largest)
    if (progress !== 'handshake') {
      this.#setStatus('suspended', `${showAddress(address)}: ${reason}`)
      this.#awaitLoss(connection.answeredAt)
      attempts.lost(address, this.#timing.now() - this.#openedAt)
      if (progress === 'measuring' && limitNearer) attempts.hurry()
    } else if (!expired) {
      this.#setStatus(this.status$.value.state, `not connected; ${attempts.failures}`)
    }
    this.#retryTimer = this.#timing.after(attempts.delay(this.#third), () => this.#attempt())
  }

  /** Sets the status to `lost` when the session must have expired by our own clock. */
  #awaitLoss(answeredAt: number): void {
    const timeout = this.#ticket!.timeout
    const left = answeredAt + timeout - this.#timing.now()
    this.#lostTimer = this.#timing.afterReading(Math.max(left, 0), () => {
      if (this.#progress !== 'handshake' || this.#phase !== 'live' || this.#ticket === undefined) return
      this.#setStatus('lost', `no server for ${Math.round(timeout)} ms, the session must be expired`)
    })
  }

  /** Pings, and cuts the connection if no answer comes. */
  #probe(connection: Connection): void {
    const third = this.#third
    const pingedAt = this.#timing.now()
    connection.ping()
    this.#probeTimer = this.#timing.afterReading(third, () => {
      if (this.#connection !== connection) return
      if (connection.answeredAt >= pingedAt) this.#probe(connection)
      else connection.cut(`no answer to a ping in ${Math.round(third)} ms`)
    })
  }

  #sendClose(): void {
    const done = () => this.#finish()
    this.#connection!.send({
      type: Op.closeSession,
      frame: emptyFrame(Op.closeSession),
      replied: done,
      lost: done,
    })
  }

  /** Ends everything; `close` resolves once the socket is closed, too. */
  #finish(): void {
    if (this.#phase === 'ended') return
    this.#phase = 'ended'
    for (const timer of [
      this.#closeTimer,
      this.#retryTimer,
      this.#handshakeTimer,
      this.#probeTimer,
      this.#lostTimer,
    ]) {
      timer?.unsubscribe()
    }
    this.#setStatus('closed', 'closed by the user')
    this.status$.complete()
    if (this.#connection === undefined) this.#settleClose()
    else this.#connection.cut('closed by the user')
  }
}
