/** The desired maximum of a reply, in bytes, so that large values do not pile up. */
const REPLY_BYTES = 4_194_304
/** The weight of one reply in the average. */
const WEIGHT = 0.5

/** Learns the size of values, to decide how many to request at a time. */
export class ReplySize {
  // Starts cautiously, until there is experience.
  #average = REPLY_BYTES / 32

  /** How many nodes to request at a time, at most `most`. */
  count(most: number): number {
    return Math.max(1, Math.min(most, Math.floor(REPLY_BYTES / this.#average)))
  }

  seen(bytes: number, nodes: number): void {
    this.#average += (bytes / nodes - this.#average) * WEIGHT
  }
}
