import type { ConsumerInfo } from '@nats-io/jetstream'
import { isConsumerGone } from './failures.ts'
import type { Link } from './link.ts'
import type { NatsPartition } from './options.ts'

/** The least time from one update to the next, in milliseconds. */
const INTERVAL = 1000

/** A subject as the name of a consumer, which has no dots or wildcards: those as in a mail header, `=2E`. */
const encoded = (name: string): string =>
  name.replace(
    /[^A-Za-z0-9_-]/g,
    sign => `=${sign.codePointAt(0)!.toString(16).toUpperCase().padStart(2, '0')}`,
  )

/**
 * A durable consumer that begins behind what was committed, so that what the server counts as pending for it is the lag.
 *
 * Nobody reads through it. A consumer's beginning cannot be changed, so it is deleted and made again, now and then. (An
 * acknowledgement for a message that this consumer never delivered would move a floor that the server does not count by.)
 */
export class LagMarker {
  readonly #link: Link
  readonly #partition: NatsPartition
  readonly #name: string
  #wanted: number | undefined
  #marked = 0
  #timer: NodeJS.Timeout | undefined
  #updating: Promise<void> | undefined

  constructor(link: Link, partition: NatsPartition, prefix: string) {
    this.#link = link
    this.#partition = partition
    this.#name = partition.subject === undefined ? prefix : `${prefix}-${encoded(partition.subject)}`
  }

  /** All up to this sequence was processed. */
  mark(position: number): void {
    if (position <= Math.max(this.#wanted ?? 0, this.#marked)) return
    this.#wanted = position
    if (this.#timer === undefined && this.#updating === undefined) this.#go()
  }

  /** Tells the last, where it was not told yet. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.#updating
    clearTimeout(this.#timer)
    if (this.#wanted !== undefined) await this.#update().catch(() => {})
  }

  #go(): void {
    this.#timer = undefined
    if (this.#wanted === undefined) return
    this.#updating = this.#update()
      // It is only for people to see, and the next update makes up for it.
      .catch(() => {})
      .then(() => {
        this.#updating = undefined
        this.#timer = setTimeout(() => this.#go(), INTERVAL)
        this.#timer.unref()
      })
  }

  async #update(): Promise<void> {
    const position = this.#wanted!
    this.#wanted = undefined
    const { stream, subject } = this.#partition
    const { consumers } = (await this.#link.session()).manager
    const present = await consumers.info(stream, this.#name).catch(absent)
    const start = position + 1
    if (present !== undefined) {
      // Another process may have got further.
      if ((present.config.opt_start_seq ?? 0) >= start) return
      await consumers.delete(stream, this.#name)
    }
    await consumers.add(stream, {
      durable_name: this.#name,
      description: 'Shows what is not processed yet; nobody reads through it',
      deliver_policy: 'by_start_sequence',
      opt_start_seq: start,
      ack_policy: 'none',
      ...(subject === undefined ? {} : { filter_subject: subject }),
    })
    this.#marked = position
  }
}

function absent(error: unknown): ConsumerInfo | undefined {
  if (isConsumerGone(error)) return undefined
  throw error
}
