/** The least time from one report to the next, in milliseconds. */
const INTERVAL = 1000

/**
 * Tells a broker how far partitions were processed: the latest of each, now and then, one report at a time.
 *
 * It is only for people to see, so a report that fails is made up for by the next.
 */
export class Progress {
  readonly #report: (positions: ReadonlyMap<string, number>) => Promise<void>
  /** The furthest of each partition. */
  readonly #furthest = new Map<string, number>()
  #due = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #reporting: Promise<void> | undefined

  constructor(report: (positions: ReadonlyMap<string, number>) => Promise<void>) {
    this.#report = report
  }

  /** All of the partition up to this position was processed. */
  mark(partition: string, position: number): void {
    const furthest = this.#furthest.get(partition)
    if (furthest !== undefined && position <= furthest) return
    this.#furthest.set(partition, position)
    this.#due.set(partition, position)
    if (this.#timer === undefined && this.#reporting === undefined) this.#go()
  }

  /** Reports what is not yet, and no more after that. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#reporting
    clearTimeout(this.#timer)
    if (this.#due.size > 0) await this.#once()
  }

  #go(): void {
    this.#timer = undefined
    if (this.#due.size === 0) return
    this.#reporting = this.#once().then(() => {
      this.#reporting = undefined
      this.#timer = setTimeout(() => this.#go(), INTERVAL)
      this.#timer.unref()
    })
  }

  async #once(): Promise<void> {
    const due = this.#due
    this.#due = new Map()
    try {
      await this.#report(due)
    } catch {
      // Again with the next, where that does not say more.
      for (const [partition, position] of due) {
        if (!this.#due.has(partition)) this.#due.set(partition, position)
      }
    }
  }
}
