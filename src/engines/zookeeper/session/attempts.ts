import type { ServerAddress } from './addresses.ts'
import { showAddress, shuffled } from './addresses.ts'

/** The first and the longest pause before all servers are tried again, in milliseconds. */
const FIRST_PAUSE = 20
const LONGEST_PAUSE = 1000

/**
 * Decides which server to try next, and when: all in random order, then a pause, which grows from round to round, then
 * all again in another order.
 */
export class Attempts {
  #servers: readonly ServerAddress[]
  readonly #random: () => number
  readonly #failures = new Map<ServerAddress, string>()
  #round: ServerAddress[] = []
  #pause = FIRST_PAUSE

  constructor(servers: readonly ServerAddress[], random: () => number) {
    this.#servers = servers
    this.#random = random
  }

  /** How many servers there are. */
  get count(): number {
    return this.#servers.length
  }

  /** These are the servers from now on. */
  replace(servers: readonly ServerAddress[]): void {
    const known = new Map(this.#servers.map(server => [showAddress(server), server]))
    // The same objects for the same addresses: they are told apart by identity.
    this.#servers = servers.map(server => known.get(showAddress(server)) ?? server)
    this.#round = []
    this.#failures.clear()
  }

  /** The next server. */
  next(): ServerAddress {
    if (this.#round.length === 0) this.#round = shuffled(this.#servers, this.#random)
    return this.#round.shift()!
  }

  /** The pause before the next attempt, in milliseconds, never much longer than `most`. */
  delay(most: number): number {
    if (this.#round.length > 0) return 0
    const pause = this.#pause
    this.#pause = Math.min(Math.max(pause * 2, FIRST_PAUSE), LONGEST_PAUSE, most)
    return pause * (0.5 + this.#random() / 2)
  }

  failed(server: ServerAddress, reason: string): void {
    this.#failures.set(server, reason)
  }

  /** The servers tried since the last connection, and why they failed, for people. */
  get failures(): string {
    return [...this.#failures].map(([server, reason]) => `${showAddress(server)}: ${reason}`).join('; ')
  }

  opened(): void {
    this.#round = []
    this.#failures.clear()
  }

  /**
   * A connection was lost after this many milliseconds: the others are tried at once, unless connections keep breaking
   * right after they open.
   */
  lost(server: ServerAddress, lasted: number): void {
    if (lasted < LONGEST_PAUSE) return
    this.#pause = FIRST_PAUSE
    const others = this.#servers.filter(other => other !== server)
    this.#round = shuffled(others, this.#random)
    if (others.length < this.#servers.length) this.#round.push(server)
  }

  /** Makes the next attempt due at once. */
  hurry(): void {
    this.#round = []
    this.#pause = 0
  }
}
