import { Party, type VirtualClock } from './clock.ts'
import { type Quota, type Transaction, transactionOf } from './log.ts'
import type { Network } from './network.ts'
import { Code, type Identity, Op, type Request } from './protocol.ts'
import type { Random } from './random.ts'
import { APART, Server } from './server.ts'
import { Sessions, type TrackedSession } from './sessions.ts'
import type { Tree } from './tree.ts'

export interface EnsembleOptions {
  readonly servers: number
  /** ZooKeeper's `tickTime`, in milliseconds: session timeouts are from 2 to 20 ticks. */
  readonly tick: number
  /** The servers' `jute.maxbuffer`. */
  readonly maxPacketBytes: number
}

/** The requesting connection, as the leader sees it. */
export interface Asker {
  readonly server: Server
  readonly session: number
  readonly identities: readonly Identity[]
}

/** A committed transaction, and when it was committed. */
export interface Committed {
  readonly at: number
  readonly transaction: Transaction
}

const EPOCH = 0x1_0000_0000

/** Several servers with one tree: a leader with a log, elections, sessions. */
export class Ensemble {
  readonly clock: VirtualClock
  readonly random: Random
  readonly options: EnsembleOptions
  readonly servers: readonly Server[]
  readonly sessions: Sessions
  leader: Server | undefined
  /** Changes whenever a leader is lost: messages in flight between servers are lost then. */
  term = 0
  /** Refuses writes; by default none. */
  quota: Quota = () => {}
  /** The probability that a request is throttled. */
  throttling = 0
  /** How many of the next watch requests will be refused. */
  refusedWatches = 0
  /** Whether credentials are refused. */
  refusesCredentials = false
  /** The committed transactions, in order. */
  readonly history: Committed[] = []
  readonly #log: Transaction[] = []
  readonly #party: Party
  /** The tree after the whole log. */
  #head: Tree
  #epoch = 0
  #counter = 0
  #electing = false
  #lastCommit = 0

  constructor(network: Network, options: EnsembleOptions) {
    this.clock = network.clock
    this.random = network.random.fork('ensemble')
    this.options = options
    this.#party = new Party(this.clock, 'ensemble')
    this.sessions = new Sessions(options.tick)
    this.servers = Array.from({ length: options.servers }, (_, i) => new Server(this, i + 1))
    for (const server of this.servers) network.add(server)
    this.#head = this.servers[0]!.tree.copy()
    this.#elect()
    this.#tick()
  }

  /** The tree after the last committed transaction. */
  get committed(): Tree {
    return this.leader?.tree ?? this.servers.toSorted((a, b) => b.applied - a.applied)[0]!.tree
  }

  /** A server dies: its connections break, and the others elect a leader if they can. */
  kill(server: Server): void {
    if (!server.up) return
    server.up = false
    server.leave()
    server.watches.forgetAll()
    if (server === this.leader || !this.#majority) this.#loseLeader()
  }

  restart(server: Server): void {
    if (server.up) return
    server.up = true
    if (this.leader === undefined) this.#electLater()
    else {
      server.party.after(this.random.between(50, 500), () => {
        if (server.up && this.leader !== undefined && !server.serving) server.join(this.#log, this.#committed)
      })
    }
  }

  /** Expires one of the sessions, even if it is active. */
  expire(which: number): void {
    const sessions = this.sessions.all
    const session = sessions[which % sessions.length]
    if (session !== undefined && !session.closing && this.leader !== undefined) this.#end(session)
  }

  /** Appends a request of `asker` to the log; calls `done` at the moment when its server has applied it. */
  propose(asker: Asker, request: Request, done: (transaction: Transaction) => void): void {
    const session = this.sessions.alive(asker.session)
    const refusal =
      session === undefined
        ? Code.sessionExpired
        : session.owner === asker.server
          ? undefined
          : Code.sessionMoved
    const { identities } = asker
    const stamp = {
      zxid: this.#nextZxid(),
      time: this.leader!.party.now(),
      session: asker.session,
      identities,
    }
    const isClose = request.type === Op.closeSession
    if (isClose && session !== undefined) session.closing = true
    const transaction = transactionOf(request, this.#head, stamp, this.quota, isClose ? undefined : refusal)
    this.#append(transaction, asker.server, done)
  }

  /** Begins a session; calls `done` when the requesting server knows about it. */
  begin(session: TrackedSession, done: () => void): void {
    this.sessions.track(session)
    const transaction: Transaction = { zxid: this.#nextZxid(), writes: [], outcome: [], ends: undefined }
    this.#append(transaction, session.owner, done)
  }

  /** Calls `done` when a server has everything that was proposed so far. */
  sync(server: Server, done: () => void): void {
    const wanted = this.#log.length
    const { term } = this
    const look = () => {
      if (this.term !== term) return
      if (this.#committed >= wanted) server.tell(done)
      else this.leader!.party.after(Math.max(this.#lastCommit - this.clock.now, 0.01), look)
    }
    look()
  }

  get #committed(): number {
    return this.history.length
  }

  get #majority(): boolean {
    return this.servers.filter(({ up }) => up).length * 2 > this.servers.length
  }

  #nextZxid(): number {
    return this.#epoch * EPOCH + ++this.#counter
  }

  #append(transaction: Transaction, asking: Server, done: (transaction: Transaction) => void): void {
    const { clock, random, term } = this
    this.#log.push(transaction)
    this.#head.lastZxid = transaction.zxid
    this.#lastCommit = Math.max(this.#lastCommit + APART, clock.now + random.between(0.2, 3))
    this.leader!.party.after(this.#lastCommit - clock.now, () => {
      if (this.term !== term) return
      this.#commit(transaction)
      for (const server of this.servers) {
        if (!server.serving) continue
        server.tell(() => {
          if (server.applied < this.#log.length && this.#log[server.applied] === transaction) {
            server.apply(transaction)
            if (server === asking) done(transaction)
          }
        })
      }
    })
  }

  #commit(transaction: Transaction): void {
    this.history.push({ at: this.clock.now, transaction })
    if (transaction.ends !== undefined) this.sessions.ended(transaction.ends)
  }

  #loseLeader(): void {
    this.term++
    this.leader = undefined
    for (const server of this.servers) server.leave()
    this.#electLater()
  }

  #electLater(): void {
    if (this.#electing || this.leader !== undefined || !this.#majority) return
    this.#electing = true
    this.#party.after(this.random.between(100, 2000), () => {
      this.#electing = false
      if (this.leader === undefined && this.#majority) this.#elect()
    })
  }

  /** Uncommitted transactions may or may not be in the new leader's log. */
  #elect(): void {
    const kept = this.#committed + this.random.below(this.#log.length - this.#committed + 1)
    this.#log.length = kept
    while (this.#committed < kept) this.#commit(this.#log[this.#committed]!)
    this.#epoch++
    this.#counter = 0
    this.#lastCommit = 0
    const up = this.servers.filter(server => server.up)
    this.leader = this.random.pick(up)
    for (const server of up) server.join(this.#log, kept)
    this.#head = this.leader.tree.copy()
    this.sessions.touchAll(this.clock.now)
  }

  /** Expires sessions. */
  #tick(): void {
    this.#party.after(this.options.tick, () => {
      this.#tick()
      const { leader } = this
      if (leader === undefined || leader.party.pausedUntil > this.clock.now) return
      for (const session of this.sessions.expired(this.clock.now)) this.#end(session)
    })
  }

  #end(session: TrackedSession): void {
    const asker: Asker = { server: session.owner, session: session.id, identities: [] }
    this.propose(asker, { xid: 0, type: Op.closeSession }, () => {})
  }
}
