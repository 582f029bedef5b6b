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
  /** The session timeout to ask for, in milliseconds. */
  readonly timeout: number
  readonly credentials?: Credentials | undefined
  /** The number of the first request of a connection; for tests. */
  readonly firstXid?: number | undefined
  readonly packetLimit: PacketLimit
}

/** What a session tells its owner. */
export interface SessionEvents {
  /** Connected; what is sent now goes before everything that others send on this connection. */
  connected(): void
  /** The connection went; `send` must not be called until `connected`. The requests under way are told after this. */
  disconnected(): void
  /** A watch event. */
  event(reply: Buffer): void
  /** Events came, and now comes something else, or nothing for the time being. */
  eventsEnd(): void
  /** No connection will ever be made again: the credentials were refused. */
  failed(error: KVError): void
}

/** How long `close` waits for the server, in milliseconds. */
const CLOSE_TIMEOUT = 1000

/**
 * Keeps a session alive over many connections.
 *
 * - It tries the servers in random order, each with a deadline for the whole handshake, with growing pauses between
 *   rounds; the one that was lost last comes last.
 * - It resumes by session id and password, and shows the newest zxid it saw, so that no server with older state takes
 *   it. When the server says that the session is expired, a new one is begun. The client's own clock only changes the
 *   status to `lost`: the session is given up when a server says so, because that answer is also the proof that no
 *   request of the old session can still be carried out, which resolving interrupted writes rests on.
 * - It pings every third of the session timeout, whatever else is sent or received, and cuts the connection when no
 *   answer came within another third.
 * - Where a server closed the connection on a large request, the next one begins with finding out whether its size was
 *   the reason ({@link PacketLimit}), before it counts as connected.
 * - Where it is to follow the servers, those that the ensemble has by now are tried, and a connection to one that has left it is
 *   given up for one to another ({@link Membership}).
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
  /** How far the connection is: in its handshake, finding out how large requests may be, or in use. */
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

  /** Begins to connect. */
  start(): void {
    this.#attempt()
  }

  get connected(): boolean {
    return this.#progress === 'open'
  }

  /** The id of the session as ZooKeeper's tools show it; only while there is one. */
  get #id(): string {
    return this.#ticket === undefined ? '' : `0x${this.#ticket.id.toString('hex').replace(/^0+(?=.)/, '')}`
  }

  /** The newest zxid seen: whatever is sent from now on happens after it. */
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
        // One last attempt to end the session that another connection had begun.
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

  /** How long a third of the session timeout is: how often to ping, and how soon an answer is due. */
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

  /** Goes on when nothing is to be found out of how large requests may be. */
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

  /** Says `lost` when the session must be gone by our own clock. */
  #awaitLoss(answeredAt: number): void {
    const timeout = this.#ticket!.timeout
    const left = answeredAt + timeout - this.#timing.now()
    this.#lostTimer = this.#timing.afterReading(Math.max(left, 0), () => {
      if (this.#progress !== 'handshake' || this.#phase !== 'live' || this.#ticket === undefined) return
      this.#setStatus('lost', `no server for ${Math.round(timeout)} ms, the session must be expired`)
    })
  }

  /** Pings, and cuts the connection when nothing answers. */
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

  /** Ends everything; `close` settles when the socket is gone, too. */
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
