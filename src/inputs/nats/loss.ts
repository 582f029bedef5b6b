import type { StreamInfo } from '@nats-io/jetstream'
import { KVError } from '../../base/errors.ts'
import type { NatsPartition } from './options.ts'

/**
 * Finds out whether messages went from the stream before they were read.
 *
 * A stream forgets its oldest messages by its limits or by a purge, and its first sequence only grows. So when, after a
 * message has come, the first sequence is not beyond the one before, nothing was lost between them. Gaps behind the
 * first sequence are no loss: single messages were deleted or replaced by newer ones of their subject, or are of other
 * subjects.
 */
export class LossCheck {
  readonly #partition: NatsPartition
  readonly #skip: boolean
  #created: StreamInfo['created'] | undefined
  /** Nothing of this partition that is not read yet comes before this sequence. */
  #read: number | undefined
  /** The first sequence that the stream had when all up to `#seen` had come. */
  #first = 0
  #seen = 0
  /** Where the stream ended when that was last asked in a quiet time. */
  #asked: number | undefined

  constructor(partition: NatsPartition, after: number | undefined, skip: boolean) {
    this.#partition = partition
    this.#read = after
    this.#skip = skip
  }

  /** The sequence to begin behind. */
  get read(): number | undefined {
    return this.#read
  }

  /** Takes what the server told of the stream before a consumer is made; fails where that has not what comes next. */
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

  /** Whether to ask the server before the message of this sequence is taken. */
  mustAsk(sequence: number): boolean {
    return this.#read !== undefined && sequence > this.#read + 1 && sequence > this.#seen
  }

  /** The answer: the first sequence of the stream; all up to `last` had come before it was asked. */
  answered({ state }: StreamInfo, last: number): void {
    this.#first = state.first_seq
    this.#seen = last
  }

  /** The message of this sequence is taken. */
  take(sequence: number): void {
    const before = this.#read
    if (before !== undefined && sequence > before + 1 && this.#first > before + 1) {
      this.#lost(`the stream began at ${this.#first} before they were read`, sequence)
    }
    this.#read = sequence
  }

  /** The server waited in vain for messages; `taken` tells whether all that came before were taken. */
  quiet(taken: boolean): void {
    // That wait began after this was asked, so all up to there has come by now.
    const asked = this.#asked
    if (taken && asked !== undefined && (this.#read === undefined || asked > this.#read)) this.#read = asked
  }

  /** The answer, before the next wait begins: where the stream ends. */
  ends({ state }: StreamInfo): void {
    this.#asked = state.last_seq
  }

  /** Fails, or goes on behind `skipTo`. */
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
