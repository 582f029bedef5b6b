import { setTimeout as sleep } from 'node:timers/promises'
import { KVError } from '../../base/errors.ts'
import type { Delivered } from '../partitioned-input.ts'
import { refuse } from '../undecodable.ts'
import { Patience, unlessAborted } from '../waiting.ts'
import { permanent, typeOf } from './failures.ts'
import type { Fetcher } from './fetcher.ts'
import type { Link } from './link.ts'
import type { KafkaInputOptions, KafkaSettings } from './options.ts'
import { type Fetched, type FetchedMessage, isMore, visible } from './visible.ts'

/** The pause before fetching more, where nothing fitted, in milliseconds. */
const PAUSE = 50

/** The largest fetch of a partition, for when a smaller one returns nothing, in bytes. */
const MOST = 2 ** 30

/** The partition to read, and how. */
export interface KafkaPartition {
  readonly name: string
  readonly topic: string
  readonly partition: number
}

/** Reads a partition, once. */
export class PartitionReading<T> {
  readonly #link: Link
  readonly #fetcher: Fetcher
  readonly #options: KafkaInputOptions<T>
  readonly #settings: KafkaSettings
  readonly #place: KafkaPartition
  readonly #signal: AbortSignal
  readonly #patience: Patience
  #next: number | undefined
  #bytes: number
  #ahead: Promise<Fetched> | undefined

  constructor(
    link: Link,
    fetcher: Fetcher,
    options: KafkaInputOptions<T>,
    settings: KafkaSettings,
    place: KafkaPartition,
    signal: AbortSignal,
  ) {
    this.#link = link
    this.#fetcher = fetcher
    this.#options = options
    this.#settings = settings
    this.#place = place
    this.#signal = signal
    this.#bytes = settings.maxBytes
    this.#patience = new Patience(settings.timeout, `reading ${place.name}`, place.name)
  }

  /** `passed` is called when nothing is left between a position and an offset. */
  async *records(
    after: number | undefined,
    passed: (position: number, offset: number) => void,
  ): AsyncGenerator<Delivered<T, number>, void> {
    const { name } = this.#place
    const { decode, undecodable } = this.#options
    this.#next = after === undefined ? undefined : after + 1
    let last = after
    while (!this.#signal.aborted) {
      const messages = await this.#more()
      for (const message of messages) {
        const position = Number(message.offset)
        const content: Uint8Array = message.value ?? new Uint8Array()
        last = position
        let record: T
        try {
          record = decode(content, message)
        } catch (cause) {
          await refuse({ partition: name, position, content }, cause, undecodable)
          continue
        }
        yield { record, position }
      }
      if (last !== undefined && this.#next !== undefined) passed(last, this.#next)
    }
  }

  /** The next records fetched; may be empty. */
  async #more(): Promise<readonly FetchedMessage[]> {
    const { topic, partition } = this.#place
    try {
      this.#next ??= await this.#unlessAborted(this.#link.offsetOf(topic, partition, 'first'))
      const offset = this.#next
      this.#ahead ??= this.#fetch(offset)
      const fetched = await this.#unlessAborted(this.#ahead)
      this.#ahead = undefined
      this.#patience.succeeded()
      const { messages, next } = visible(fetched, offset)
      if (next === offset) await this.#nothing(fetched, offset)
      else {
        this.#next = next
        this.#bytes = this.#settings.maxBytes
        this.#ahead = this.#fetch(next)
      }
      return messages
    } catch (error) {
      this.#ahead = undefined
      if (!this.#signal.aborted) await this.#failed(error)
      return []
    }
  }

  #fetch(offset: number): Promise<Fetched> {
    const { topic, partition } = this.#place
    const fetched = this.#fetcher.fetch(topic, partition, offset, this.#bytes)
    fetched.catch(() => {}) // it is awaited later, or not at all
    return fetched
  }

  /**
   * Nothing came although there is more: either a batch emptied by compaction stands before one that did not fit, or
   * only empty ones are left. Fetching more overcomes the first; either way nothing is skipped.
   */
  async #nothing(fetched: Fetched, offset: number): Promise<void> {
    if (!isMore(fetched, offset)) return
    this.#bytes = Math.min(MOST, this.#bytes * 2)
    await sleep(PAUSE, undefined, { signal: this.#signal })
  }

  async #failed(error: unknown): Promise<void> {
    const { name } = this.#place
    let cause = error
    if (typeOf(error) === 'OFFSET_OUT_OF_RANGE') {
      cause = await this.#outOfRange(error).catch(again => again)
      if (cause === undefined) return
    }
    const failure = permanent(cause, `reading ${name}`, name)
    if (failure !== undefined) throw failure
    await this.#patience.failed(cause, this.#signal)
    // Another broker may lead the partition by now. If the refresh fails, the next attempt will show why.
    await this.#unlessAborted(this.#link.refresh()).catch(() => {})
  }

  /**
   * Handles an offset that is out of range: goes on with the records that are left, or fails where that is not wanted;
   * returns the error where the broker is mistaken.
   */
  async #outOfRange(cause: unknown): Promise<unknown> {
    const { name, topic, partition } = this.#place
    const offset = this.#next!
    const [first, end] = await this.#unlessAborted(
      Promise.all([
        this.#link.offsetOf(topic, partition, 'first'),
        this.#link.offsetOf(topic, partition, 'end'),
      ]),
    )
    if (offset >= first && offset <= end) return cause
    if (!this.#settings.skip) {
      const message = `records of ${name} from ${offset} on are gone: there are those from ${first} up to ${end}, without that`
      throw new KVError('POSITION_LOST', message, { cause, partition: name, position: offset - 1 })
    }
    this.#next = offset < first ? first : end
    return undefined
  }

  #unlessAborted<R>(promise: Promise<R>): Promise<R> {
    return unlessAborted(this.#signal, promise)
  }
}
