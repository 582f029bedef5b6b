import type { Consumer, ConsumerMessages, JsMsg } from '@nats-io/jetstream'
import { Queue } from '../../base/queue.ts'

/** How long the server waits for messages that are not there yet, in milliseconds. */
const EXPIRES = 5000

/** After this long without an answer the server is considered gone, in milliseconds. */
const SILENCE = 2 * EXPIRES

/** How much to fetch ahead, in bytes, judging by the size of the last messages. */
const HELD = 4 * 1024 * 1024

/** How many messages to fetch first, while their size is unknown. */
const FIRST = 8

/**
 * Fetches ahead through one ordered consumer, in bounded requests.
 *
 * Messages are taken from the client library at once, since its own iterator piles up requests while it is paused. At
 * the first failure a pull is over, and its owner makes another one, after the last message that it took.
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
  /** The most messages to hold, by the size of the last ones. */
  #limit: number

  /** `idle` is called after each request that expired without a message. */
  constructor(consumer: Consumer, prefetch: number, idle: () => Promise<void>) {
    this.#consumer = consumer
    this.#prefetch = prefetch
    this.#limit = Math.min(FIRST, prefetch)
    this.#idle = idle
    void this.#run()
  }

  /** The last message received, taken or not. */
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

  /** The next message, if there is one. */
  peek(): JsMsg | undefined {
    return this.#queue.peek()
  }

  /** Takes the next message. */
  shift(): JsMsg | undefined {
    const message = this.#queue.shift()
    if (this.#queue.length * 2 <= this.#limit) this.#makeRoom()
    return message
  }

  /** Resolves when a message is there; rejects at the first failure, once all received messages are taken. */
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
    // Otherwise the server would delete it later.
    this.#consumer.delete().catch(() => {})
  }

  /** Waits until something comes from the server. */
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
