/** Every server accepts requests up to this size, in bytes. */
const ALWAYS_TAKEN = 1024
/** How often in a row a size must be refused before it counts as too large. */
const REFUSALS = 3

/** The state of the search for the limit. */
interface Search {
  /** The size that started the search. */
  readonly from: number
  /** The smallest refused size, and how often it was refused in a row. */
  refused: number
  times: number
  /** Whether this connection has answered the largest accepted size. */
  contrasted: boolean
}

/**
 * Finds out how large a request the servers accept. A server closes the connection on a request beyond its
 * `jute.maxbuffer`, without a reason; sent again, the request does so again, and takes all others with it. So if a
 * server closes a connection while a request larger than any answered one is in flight, the next connection begins with
 * a harmless request of that size, alone. If that is refused, too, the limit is found by bisection, and later requests
 * stay below it.
 *
 * Connections that break for other reasons do not matter: a size counts as too large only after three refusals in a
 * row, each on a connection that had just answered the next smaller size.
 */
export class PacketLimit {
  /** The configured limit. */
  readonly configured: number
  /** The largest answered request. */
  #taken = ALWAYS_TAKEN
  #search: Search | undefined
  #found = Number.POSITIVE_INFINITY

  constructor(configured: number) {
    this.configured = configured
  }

  /** The largest request that may be sent: the configured limit, or the one found. */
  get bytes(): number {
    return Math.min(this.configured, this.#found)
  }

  /** Why larger requests may not be sent, for people. */
  get reason(): string {
    return this.#found < this.configured
      ? `the servers take requests of up to ${this.#found} bytes (their jute.maxbuffer), although \`maxPacketBytes\` is ${this.configured}`
      : `\`maxPacketBytes\` is ${this.configured}`
  }

  /** A request of this many bytes was answered. */
  answered(bytes: number): void {
    if (bytes > this.#taken) this.#taken = bytes
    const search = this.#search
    if (search === undefined) return
    if (bytes >= search.from) this.#search = undefined
    // The size was not the reason, after all.
    else if (bytes >= search.refused)
      this.#search = { from: search.from, refused: search.from, times: 0, contrasted: false }
    else if (bytes === this.#taken) search.contrasted = true
  }

  /**
   * The server closed a connection with requests in flight, the largest of this many bytes. Returns whether that
   * advances the search.
   */
  closedOn(bytes: number): boolean {
    if (bytes <= this.#taken) return false
    this.#search ??= { from: bytes, refused: bytes, times: -1, contrasted: false }
    const search = this.#search
    if (bytes > search.refused) return false
    search.times = bytes < search.refused ? 1 : search.times + 1
    search.refused = bytes
    search.contrasted = false
    return true
  }

  /** The size to try next, on a connection with nothing else in flight; `undefined` if there is nothing to find out. */
  next(): number | undefined {
    const search = this.#search
    if (search === undefined) return undefined
    const { refused, times, contrasted } = search
    if (times === 0) return refused
    if (refused - this.#taken > 1) return Math.floor((refused + this.#taken) / 2)
    if (times < REFUSALS) return contrasted ? refused : this.#taken
    this.#found = this.#taken
    this.#search = undefined
    return undefined
  }
}
