import type { Consumer, ConsumerMessages, JsMsg } from '@nats-io/jetstream'
import { Queue } from '../../base/queue.ts'

/** How long the server keeps a request for messages that are not there yet, in milliseconds. */
const EXPIRES = 5000

/** After how long without any answer the server is taken for gone, in milliseconds. */
const SILENCE = 2 * EXPIRES

/** How much is fetched ahead, in bytes, as far as the last messages tell of the next. */
const HELD = 4 * 1024 * 1024

/** How many messages are fetched first, while it is not known how large they are. */
const FIRST = 8

/**
 * Fetches through one ordered consumer, ahead of who takes, in bounded requests.
 *
 * What the client library holds is taken from it at once, since a paused iterator of its own piles requests up. At the
 * first trouble this one is over, and its owner makes another behind the last message that it took.
 */
export class Pull {
  readonly #consumer: Consumer
  readonly #prefetch: number
  readonly #idle: () => Promise<void>
  readonly #queue = new Queue<JsMsg>()
  #batch: ConsumerMessages | undefined
  #failure: unknown
  #over = false
  #wake: (() => void) | undefined
  #room: (() => void) | undefined
  #heard = performance.now()
  #last: JsMsg | undefined
  /** How many messages are held at most, by the size of the last ones. */
  #limit: number

  /** `idle` is called after each request that the server let expire without a message. */
  constructor(consumer: Consumer, prefetch: number, idle: () => Promise<void>) {
    this.#consumer = consumer
    this.#prefetch = prefetch
    this.#limit = Math.min(FIRST, prefetch)
    this.#idle = idle
    void this.#run()
  }

  /** The last message that has come, taken or not. */
  get last(): JsMsg | undefined {
    return this.#last
  }

  /** Whether it has ended. */
  get over(): boolean {
    return this.#over
  }

  get empty(): boolean {
    return this.#queue.length === 0
  }

  /** The next message, where one is there. */
  peek(): JsMsg | undefined {
    return this.#queue.peek()
  }

  /** Takes the next message. */
  shift(): JsMsg | undefined {
    const message = this.#queue.shift()
    if (this.#queue.length * 2 <= this.#limit) this.#makeRoom()
    return message
  }

  /** Settles when a message is there; rejects at the first trouble behind those that are. */
  async more(): Promise<void> {
    while (this.#queue.length === 0) {
      if (this.#over) throw this.#failure
      await this.#wait()
    }
  }

  /** Ends it; `more` then rejects with `reason`. Idempotent. */
  stop(reason: unknown): void {
    if (this.#over) return
    this.#over = true
    this.#failure = reason
    this.#batch?.stop()
    this.#makeRoom()
    this.#wake?.()
    // The server would do so by itself, later.
    this.#consumer.delete().catch(() => {})
  }

  /** Until something is heard of the server. */
  #wait(): Promise<void> {
    return new Promise(resolve => {
      const left = (): number => this.#heard + SILENCE - performance.now()
      const timer = setTimeout(() => {
        if (left() <= 0) this.stop(new Error(`no answer for ${SILENCE} ms`))
        this.#wake?.()
      }, left() + 1)
      this.#wake = () => {
        this.#wake = undefined
        clearTimeout(timer)
        resolve()
      }
    })
  }

  async #run(): Promise<void> {
    try {
      while (!this.#over) {
        if (this.#queue.length * 2 > this.#limit) await this.#untilRoom()
        else await this.#fetch()
      }
    } catch (error) {
      this.stop(error)
    }
  }

  #untilRoom(): Promise<void> {
    return new Promise(resolve => {
      this.#room = resolve
    })
  }

  #makeRoom(): void {
    const resume = this.#room
    this.#room = undefined
    resume?.()
  }

  async #fetch(): Promise<void> {
    this.#heard = performance.now()
    const count = Math.max(1, this.#limit - this.#queue.length)
    const batch = await this.#consumer.fetch({ max_messages: count, expires: EXPIRES })
    this.#batch = batch
    if (this.#over) batch.stop()
    let received = 0
    let bytes = 0
    for await (const message of batch) {
      if (this.#over) return
      received++
      bytes += message.data.length
      this.#last = message
      this.#heard = performance.now()
      this.#queue.push(message)
      this.#wake?.()
    }
    if (received > 0)
      this.#limit = Math.min(this.#prefetch, Math.ceil((HELD * received) / Math.max(1, bytes)))
    else if (!this.#over) await this.#idle()
  }
}
