import type { ServerAddress } from '../../engines/zookeeper/session/addresses.ts'
import { Party } from './clock.ts'
import type { Ensemble } from './ensemble.ts'
import type { Receiver, ServerEnd } from './line.ts'
import type { Transaction } from './log.ts'
import type { Host } from './network.ts'
import { ServerConnection } from './server-connection.ts'
import { Tree } from './tree.ts'
import { WatchTable } from './watches.ts'

/** The distance between messages that must stay in order, in milliseconds: more than the rounding of times. */
export const APART = 0.001

/** A message of the leader to a server; they arrive in order. */
type Told = () => void

/** One server: its copy of the tree, its connections, and the messages of the leader. */
export class Server implements Host {
  readonly party: Party
  readonly address: ServerAddress
  readonly ensemble: Ensemble
  readonly watches: WatchTable = new WatchTable()
  readonly connections: Set<ServerConnection> = new Set()
  tree: Tree = new Tree()
  /** How many transactions of the log were applied to the tree. */
  applied = 0
  /** Whether it is running, and whether it is in a quorum with a leader. */
  up = true
  serving = false
  /** How much later it receives the leader's messages, in milliseconds, and until when. */
  lag = 0
  lagsUntil = 0
  #lastHeard = 0
  #lastForwarded = 0

  constructor(ensemble: Ensemble, index: number) {
    this.ensemble = ensemble
    this.party = new Party(ensemble.clock, `server ${index}`)
    this.address = { host: `zk${index}`, port: 2181 }
  }

  get listening(): boolean {
    return this.up
  }

  accept(end: ServerEnd): Receiver {
    return new ServerConnection(this, end)
  }

  /** Sends work to the leader, which does it if it is still the leader then. */
  forward(work: () => void): void {
    const { ensemble } = this
    const { clock, random, term } = ensemble
    const hop = ensemble.leader === this ? 0 : this.#hop(random.between(0.1, 1))
    this.#lastForwarded = Math.max(this.#lastForwarded + APART, clock.now + hop)
    const then = () => {
      if (ensemble.term === term && ensemble.leader !== undefined) work()
    }
    ensemble.leader?.party.after(this.#lastForwarded - clock.now, then)
  }

  /** Delivers a message of the leader, after earlier ones. */
  tell(work: Told): void {
    const { ensemble } = this
    const { clock, random, term } = ensemble
    const hop = ensemble.leader === this ? 0 : this.#hop(random.between(0.1, 2))
    this.#lastHeard = Math.max(this.#lastHeard + APART, clock.now + hop)
    this.party.after(this.#lastHeard - clock.now, () => {
      if (ensemble.term === term && this.serving) work()
    })
  }

  /** Applies a committed transaction. */
  apply(transaction: Transaction): void {
    this.applied++
    this.tree.lastZxid = transaction.zxid
    for (const changes of transaction.writes) {
      for (const change of changes) this.tree.apply(change)
      this.watches.tell(changes)
    }
    if (transaction.ends === undefined) return
    for (const connection of [...this.connections]) {
      if (connection.session === transaction.ends) connection.endsSession()
    }
  }

  /** Joins the quorum: catches up with the log, and accepts clients. */
  join(log: readonly Transaction[], committed: number): void {
    while (this.applied < committed) this.apply(log[this.applied]!)
    this.#lastHeard = 0
    this.#lastForwarded = 0
    this.serving = true
  }

  /** Leaves the quorum: disconnects its clients. */
  leave(): void {
    this.serving = false
    for (const connection of [...this.connections]) connection.reset()
  }

  #hop(usual: number): number {
    const { clock } = this.ensemble
    return usual + (this.lagsUntil > clock.now ? this.lag : 0)
  }
}
