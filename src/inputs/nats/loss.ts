import type { StreamInfo } from '@nats-io/jetstream'
import { KVError } from '../../base/errors.ts'
import type { NatsPartition } from './options.ts'

/**
 * Detects whether messages left the stream before they were read.
 *
 * A stream drops its oldest messages by its limits or by a purge, and its first sequence only grows. So if, after a
 * message has come, the first sequence is not beyond the previous message, nothing was lost between the two. Gaps after
 * the first sequence are no loss: single messages were deleted, replaced by newer ones of their subject, or belong to
 * other subjects.
 */
export class LossCheck {
  readonly #partition: NatsPartition
  readonly #skip: boolean
  #created: StreamInfo['created'] | undefined
  /** No unread message of this partition comes before this sequence. */
  #read: number | undefined
  /** The first sequence of the stream when everything up to `#seen` had come. */
  #first = 0
  #seen = 0
  /** The end of the stream when last asked in a quiet period. */
  #asked: number | undefined

  constructor(partition: NatsPartition, after: number | undefined, skip: boolean) {
    this.#partition = partition
    this.#read = after
    this.#skip = skip
  }

  /** The sequence to begin after. */
  get read(): number | undefined {
    return this.#read
  }

  /** Takes the state of the stream before a consumer is made; fails where the next messages are gone. */
  begin({ created, config, state }: StreamInfo): void {
    this.#asked = undefined
    if (config.retention !== 'limits') {
      const message =
        `the stream ${this.#partition.stream} has the retention '${config.retention}': it would delete ` +
        'messages when they are delivered, before they are committed'
      throw new KVError('UNSUPPORTED', message, { partition: this.#partition.name })
    }
    const known = this.#created
    this.#created = created
    if (this.#read === undefined) return
    if (known !== undefined && created !== known)
      this.#lost('the stream was deleted and made again', undefined)
    else if (state.last_seq < this.#read) {
      this.#lost(
        `the stream ends at ${state.last_seq}: it was deleted and made again, or lost data`,
        undefined,
      )
    } else if (state.first_seq > this.#read + 1) {
      this.#lost(`the stream begins at ${state.first_seq}`, state.first_seq - 1)
    }
  }

  /** Whether the server must be asked before the message of this sequence can be taken. */
  mustAsk(sequence: number): boolean {
    return this.#read !== undefined && sequence > this.#read + 1 && sequence > this.#seen
  }

  /** The answer: the first sequence of the stream, asked after everything up to `last` had come. */
  answered({ state }: StreamInfo, last: number): void {
    this.#first = state.first_seq
    this.#seen = last
  }

  /** The message of this sequence was taken. */
  take(sequence: number): void {
    const before = this.#read
    if (before !== undefined && sequence > before + 1 && this.#first > before + 1) {
      this.#lost(`the stream began at ${this.#first} before they were read`, sequence)
    }
    this.#read = sequence
  }

  /** The server waited for messages in vain; `taken` says whether all earlier ones were taken. */
  quiet(taken: boolean): void {
    // That wait began after the question, so everything up to there has come by now.
    const asked = this.#asked
    if (taken && asked !== undefined && (this.#read === undefined || asked > this.#read)) this.#read = asked
  }

  /** The answer, before the next wait begins: the end of the stream. */
  ends({ state }: StreamInfo): void {
    this.#asked = state.last_seq
  }

  /** Fails, or goes on after `skipTo`. */
  #lost(why: string, skipTo: number | undefined): void {
    if (this.#skip) {
      this.#read = skipTo
      return
    }
    const { name } = this.#partition
    const message = `messages of ${name} after ${this.#read} are gone, or may be: ${why}`
    throw new KVError('POSITION_LOST', message, { partition: name, position: this.#read })
  }
}
