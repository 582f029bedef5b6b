/** How many bytes one reply should have at most, so that large values do not pile up. */
const REPLY_BYTES = 4_194_304
/** How much one more reply counts in the average. */
const WEIGHT = 0.5

/** Learns how large values are, to tell how many to ask for at a time. */
export class ReplySize {
  // Careful until something was seen.
  #average = REPLY_BYTES / 32

  /** How many nodes one request should ask for, of at most `most`. */
  count(most: number): number {
    return Math.max(1, Math.min(most, Math.floor(REPLY_BYTES / this.#average)))
  }

  seen(bytes: number, nodes: number): void {
    this.#average += (bytes / nodes - this.#average) * WEIGHT
  }
}
