import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** Faults of one direction of a connection. */
export interface Faults {
  /** Nothing gets through, and nobody notices; the data sent meanwhile arrive when the cut is over. */
  readonly cut?: boolean | undefined
  /** The added delay, in milliseconds. */
  readonly delay?: number | undefined
  /** The rate of each connection, in bytes per second. */
  readonly bytesPerSecond?: number | undefined
  /** Each connection is reset after it has carried this many more bytes. */
  readonly resetAfter?: number | undefined
}

/** The current faults of one direction, and a way to wait for a change. */
export class FaultSwitch {
  #faults: Faults = {}
  #changed: (() => void)[] = []

  get faults(): Faults {
    return this.#faults
  }

  set(faults: Faults): void {
    this.#faults = faults
    const changed = this.#changed
    this.#changed = []
    for (const resume of changed) resume()
  }

  async flowing(): Promise<void> {
    while (this.#faults.cut) await new Promise<void>(resolve => this.#changed.push(resolve))
  }
}

// How many bytes may wait in one direction before the sender has to wait, too.
const UNSENT_LIMIT = 1 << 20
// How often per second a throttled connection carries data.
const THROTTLE_STEPS = 50

/** Carries data from one socket to another, with faults. */
export class Carrier {
  readonly #from: Socket
  readonly #to: Socket
  readonly #switch: FaultSwitch
  #queue: Promise<void> = Promise.resolve()
  #unsent = 0
  #carried = 0
  #counting: Faults | undefined

  constructor(from: Socket, to: Socket, faultSwitch: FaultSwitch) {
    this.#from = from
    this.#to = to
    this.#switch = faultSwitch
    from.on('data', chunk => this.#take(chunk as Buffer))
    from.on('end', () => {
      this.#after(performance.now() + (faultSwitch.faults.delay ?? 0), async () => void to.end())
    })
  }

  #after(due: number, step: () => Promise<void>): void {
    this.#queue = this.#queue.then(async () => {
      if (performance.now() < due) await sleep(due - performance.now())
      await this.#switch.flowing()
      await step()
    })
  }

  #take(chunk: Buffer): void {
    this.#unsent += chunk.length
    if (this.#unsent > UNSENT_LIMIT) this.#from.pause()
    this.#after(performance.now() + (this.#switch.faults.delay ?? 0), async () => {
      for (let rest = chunk; rest.length > 0 && !this.#to.destroyed; ) rest = await this.#carry(rest)
      this.#unsent -= chunk.length
      if (this.#unsent <= UNSENT_LIMIT) this.#from.resume()
    })
  }

  /** Carries as much of `bytes` as goes in one piece, and returns the rest. */
  async #carry(bytes: Buffer): Promise<Buffer> {
    await this.#switch.flowing()
    const { faults } = this.#switch
    if (this.#counting !== faults) {
      this.#counting = faults
      this.#carried = 0
    }
    const { bytesPerSecond = Number.POSITIVE_INFINITY, resetAfter = Number.POSITIVE_INFINITY } = faults
    const size = Math.min(
      bytes.length,
      resetAfter - this.#carried,
      Math.max(1, Math.floor(bytesPerSecond / THROTTLE_STEPS)),
    )
    await this.#send(bytes.subarray(0, size))
    this.#carried += size
    if (this.#carried >= resetAfter) {
      this.#to.resetAndDestroy()
      this.#from.resetAndDestroy()
    } else if (bytesPerSecond !== Number.POSITIVE_INFINITY) {
      await sleep((1000 * size) / bytesPerSecond)
    }
    return bytes.subarray(size)
  }

  #send(bytes: Buffer): Promise<void> {
    return new Promise(resolve => {
      const done = (): void => {
        this.#to.off('close', done)
        resolve()
      }
      this.#to.once('close', done)
      this.#to.write(bytes, done)
    })
  }
}
