import type { Server } from './server.ts'

/** A session, as the leader keeps it. */
export interface TrackedSession {
  readonly id: number
  readonly password: Buffer
  /** The negotiated timeout, in milliseconds. */
  readonly timeout: number
  /** The server that its client is connected to. */
  owner: Server
  /** When it was last heard of. */
  heardAt: number
  /** Expired or closed: the transaction that ends it has been proposed. */
  closing: boolean
}

/** The sessions of an ensemble. */
export class Sessions {
  readonly #sessions = new Map<number, TrackedSession>()
  readonly #tick: number
  #made = 0

  constructor(tick: number) {
    this.#tick = tick
  }

  /** The id and password of a new session, and its negotiated timeout. */
  next(asked: number, random: () => number): Pick<TrackedSession, 'id' | 'password' | 'timeout'> {
    const password = Buffer.from(Array.from({ length: 16 }, () => Math.floor(random() * 256)))
    const timeout = Math.min(Math.max(asked, 2 * this.#tick), 20 * this.#tick)
    return { id: 0x1000_0000_0000 + ++this.#made, password, timeout }
  }

  track(session: TrackedSession): void {
    this.#sessions.set(session.id, session)
  }

  /** The session, if it is alive. */
  alive(id: number): TrackedSession | undefined {
    const session = this.#sessions.get(id)
    return session?.closing ? undefined : session
  }

  touch(id: number, now: number): void {
    const session = this.#sessions.get(id)
    if (session !== undefined) session.heardAt = now
  }

  /** After an election every session has its full timeout again. */
  touchAll(now: number): void {
    for (const session of this.#sessions.values()) {
      session.heardAt = now
      session.closing = false
    }
  }

  /** The sessions that were not heard of for too long; ZooKeeper checks once per tick. */
  expired(now: number): TrackedSession[] {
    const due = ({ heardAt, timeout }: TrackedSession) =>
      (Math.floor((heardAt + timeout) / this.#tick) + 1) * this.#tick
    return [...this.#sessions.values()].filter(session => !session.closing && due(session) <= now)
  }

  ended(id: number): void {
    this.#sessions.delete(id)
  }

  get all(): TrackedSession[] {
    return [...this.#sessions.values()]
  }
}
