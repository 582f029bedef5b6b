/** The shortest time between reports, in milliseconds. */
const INTERVAL = 1000

/**
 * Reports to a broker how far partitions were processed: the latest position of each, now and then, one report at a
 * time. Reports are only for people to see, so the next one makes up for a failed one.
 */
export class Progress {
  readonly #report: (positions: ReadonlyMap<string, number>) => Promise<void>
  /** The furthest position of each partition. */
  readonly #furthest = new Map<string, number>()
  #due = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #reporting: Promise<void> | undefined

  constructor(report: (positions: ReadonlyMap<string, number>) => Promise<void>) {
    this.#report = report
  }

  /** The partition was processed up to this position. */
  mark(partition: string, position: number): void {
    const furthest = this.#furthest.get(partition)
    if (furthest !== undefined && position <= furthest) return
    this.#furthest.set(partition, position)
    this.#due.set(partition, position)
    if (this.#timer === undefined && this.#reporting === undefined) this.#go()
  }

  /** Makes the last report. */
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
      // To be reported with the next, unless there is a later position by then.
      for (const [partition, position] of due) {
        if (!this.#due.has(partition)) this.#due.set(partition, position)
      }
    }
  }
}
