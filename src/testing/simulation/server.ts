import type { ServerAddress } from '../../engines/zookeeper/session/addresses.ts'
import { Party } from './clock.ts'
import type { Ensemble } from './ensemble.ts'
import type { Receiver, ServerEnd } from './line.ts'
import type { Transaction } from './log.ts'
import type { Host } from './network.ts'
import { ServerConnection } from './server-connection.ts'
import { Tree } from './tree.ts'
import { WatchTable } from './watches.ts'

/** What must come in order is so many milliseconds apart: more than the rounding of times. */
export const APART = 0.001

/** Something that the leader tells a server; in order. */
type Told = () => void

/** One server: its copy of the tree, its connections, and what the leader has told it. */
export class Server implements Host {
  readonly party: Party
  readonly address: ServerAddress
  readonly ensemble: Ensemble
  readonly watches: WatchTable = new WatchTable()
  readonly connections: Set<ServerConnection> = new Set()
  tree: Tree = new Tree()
  /** How many transactions of the log are in the tree. */
  applied = 0
  /** Whether it runs, and whether it is part of a quorum with a leader. */
  up = true
  serving = false
  /** What was told is heard so much later, in milliseconds, until then. */
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

  /** Sends something to the leader, which does it if it still is one then. */
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

  /** The leader tells something; what was told earlier is heard earlier. */
  tell(work: Told): void {
    const { ensemble } = this
    const { clock, random, term } = ensemble
    const hop = ensemble.leader === this ? 0 : this.#hop(random.between(0.1, 2))
    this.#lastHeard = Math.max(this.#lastHeard + APART, clock.now + hop)
    this.party.after(this.#lastHeard - clock.now, () => {
      if (ensemble.term === term && this.serving) work()
    })
  }

  /** Carries out what the leader has committed. */
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

  /** Joins the quorum: catches up with the log, and takes clients. */
  join(log: readonly Transaction[], committed: number): void {
    while (this.applied < committed) this.apply(log[this.applied]!)
    this.#lastHeard = 0
    this.#lastForwarded = 0
    this.serving = true
  }

  /** No longer part of a quorum: lets its clients go. */
  leave(): void {
    this.serving = false
    for (const connection of [...this.connections]) connection.reset()
  }

  #hop(usual: number): number {
    const { clock } = this.ensemble
    return usual + (this.lagsUntil > clock.now ? this.lag : 0)
  }
}
