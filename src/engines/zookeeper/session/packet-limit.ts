/** Requests up to this size are taken by every server, in bytes. */
const ALWAYS_TAKEN = 1024
/** How often in a row the smallest size that is refused must have been. */
const REFUSALS = 3

/** What is thought of a size while the limit is looked for. */
interface Search {
  /** The size that it began with. */
  readonly from: number
  /** The smallest that was refused, and how often in a row. */
  refused: number
  times: number
  /** Whether this connection has answered the largest that is taken. */
  contrasted: boolean
}

/**
 * How large a request the servers take. They answer one that is larger than their `jute.maxbuffer` by closing the
 * connection, which does not say why; sent again, it does the same again and takes all others with it. So where a server
 * closes a connection with a request under way that is larger than any that was ever answered, the next connection
 * begins with a harmless request of that size, alone. Where that is refused too, the limit is found by halving, and
 * requests are made no larger from then on.
 *
 * Connections that break for other reasons do no harm: a size counts as too large only when it was refused three times in
 * a row, each time on a connection that had just answered the size below.
 */
export class PacketLimit {
  /** What was configured. */
  readonly configured: number
  /** The largest request that was answered. */
  #taken = ALWAYS_TAKEN
  #search: Search | undefined
  #found = Number.POSITIVE_INFINITY

  constructor(configured: number) {
    this.configured = configured
  }

  /** The largest request that may be sent: what was configured, or what was found. */
  get bytes(): number {
    return Math.min(this.configured, this.#found)
  }

  /** Why no larger request may be sent, for people. */
  get reason(): string {
    return this.#found < this.configured
      ? `the servers take requests of up to ${this.#found} bytes (their jute.maxbuffer), although \`maxPacketBytes\` is ${this.configured}`
      : `\`maxPacketBytes\` is ${this.configured}`
  }

  /** A request of so many bytes was answered. */
  answered(bytes: number): void {
    if (bytes > this.#taken) this.#taken = bytes
    const search = this.#search
    if (search === undefined) return
    if (bytes >= search.from) this.#search = undefined
    // Not its size was the reason, after all.
    else if (bytes >= search.refused)
      this.#search = { from: search.from, refused: search.from, times: 0, contrasted: false }
    else if (bytes === this.#taken) search.contrasted = true
  }

  /**
   * The server closed a connection with requests under way, the largest of so many bytes. Returns whether that brings the
   * search on.
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

  /** The size to try now, on a connection with nothing else under way; `undefined` where nothing is to be found out. */
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
