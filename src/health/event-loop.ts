/** How often the delay is measured, in milliseconds, and how many measurements count. */
const BEAT = 1_000
const BEATS = 10

/** The recent delay of the event loop: while it is blocked, the process answers nobody and every timer is late. */
export class EventLoop {
  readonly #timer: NodeJS.Timeout
  #delays: readonly number[] = []
  #last = performance.now()

  constructor() {
    this.#timer = setInterval(() => this.#beat(), BEAT).unref()
  }

  /** The longest delay in the last ten seconds, in milliseconds. */
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
