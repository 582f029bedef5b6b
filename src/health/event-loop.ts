/** How often it is looked at, in milliseconds, and how many of the last times count. */
const BEAT = 1_000
const BEATS = 10

/** How late the event loop was of late: one that is held up answers nobody, and serves no timer in time. */
export class EventLoop {
  readonly #timer: NodeJS.Timeout
  #delays: readonly number[] = []
  #last = performance.now()

  constructor() {
    this.#timer = setInterval(() => this.#beat(), BEAT).unref()
  }

  /** The longest of the last ten seconds, in milliseconds. */
  get delay(): number {
    return Math.max(0, performance.now() - this.#last - BEAT, ...this.#delays)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #beat(): void {
    const now = performance.now()
    this.#delays = [...this.#delays, now - this.#last - BEAT].slice(-BEATS)
    this.#last = now
  }
}
