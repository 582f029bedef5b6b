import type { ServerAddress } from '../../engines/zookeeper/session/addresses.ts'
import type { Transport } from '../../engines/zookeeper/session/surroundings.ts'
import type { Party, VirtualClock } from './clock.ts'
import { Line, type Receiver, type ServerEnd } from './line.ts'
import { FULL_RATE, type Pace } from './pace.ts'
import type { Random } from './random.ts'

/** A server as the network sees it. */
export interface Host {
  readonly party: Party
  readonly address: ServerAddress
  /** Whether it accepts connections. */
  readonly listening: boolean
  accept(end: ServerEnd): Receiver
}

/** A temporary fault of some lines. */
export interface Condition {
  /** The affected lines: those of this client, to this server; by default all. */
  readonly client?: Party | undefined
  readonly host?: Host | undefined
  /** Its duration in milliseconds, from now. */
  readonly lasts: number
  /** Nothing arrives until it is over. */
  readonly stalled?: boolean
  /** The added latency of every piece, in milliseconds. */
  readonly latency?: number
  /** The maximum rate, in bytes per millisecond. */
  readonly rate?: number
}

/** All lines between clients and servers, with their faults. */
export class Network {
  readonly clock: VirtualClock
  readonly random: Random
  readonly #hosts: Host[] = []
  readonly #lines = new Set<Line>()
  #conditions: (Condition & { readonly until: number })[] = []

  constructor(clock: VirtualClock, random: Random) {
    this.clock = clock
    this.random = random
  }

  add(host: Host): void {
    this.#hosts.push(host)
  }

  /** Starts to connect, as `net.connect` does. */
  connect(client: Party, { host: name, port }: ServerAddress): Transport {
    const host = this.#hosts.find(({ address }) => address.host === name && address.port === port)
    const line = new Line(this, client, host, () => this.#lines.delete(line))
    this.#lines.add(line)
    return line
  }

  impose(condition: Condition): void {
    this.#conditions.push({ ...condition, until: this.clock.now + condition.lasts })
  }

  /** Ends all faults. */
  heal(): void {
    this.#conditions = []
  }

  /** Breaks the lines of a client, to a server, or all; data in flight are lost. */
  cut(client?: Party, host?: Host): void {
    for (const line of [...this.#lines]) {
      if ((client ?? line.client) === line.client && (host ?? line.host) === line.host) line.reset()
    }
  }

  /** A client was killed: data that it sent still arrive. */
  killed(client: Party): void {
    for (const line of [...this.#lines]) if (line.client === client) line.abandon()
  }

  /** The number of sockets that a client has open. */
  held(client: Party): number {
    let held = 0
    for (const line of this.#lines) if (line.client === client && !line.closed) held++
    return held
  }

  pace(client: Party, host: Host | undefined): Pace {
    const { now } = this.clock
    let latency = this.random.between(0.05, 1)
    let rate = FULL_RATE
    let slowUntil = now
    let stalledUntil = 0
    this.#conditions = this.#conditions.filter(({ until }) => until > now)
    for (const condition of this.#conditions) {
      if ((condition.client ?? client) !== client || (condition.host ?? host) !== host) continue
      latency += (condition.latency ?? 0) * this.random.between(0.5, 1.5)
      if (condition.rate !== undefined && condition.rate < rate) {
        rate = condition.rate
        slowUntil = condition.until
      }
      if (condition.stalled) stalledUntil = Math.max(stalledUntil, condition.until)
    }
    return { latency, rate, slowUntil, stalledUntil }
  }
}
