import type { PubAck } from '@nats-io/jetstream'
import type { MsgHdrs } from '@nats-io/nats-core'
import { wholeNumber } from '../../base/arguments.ts'
import { attempt, KVError } from '../../base/errors.ts'
import { Patience } from '../waiting.ts'
import { isAnswer, isStreamGone, isUnheard, permanent } from './failures.ts'
import { type JetStreamSession, Link } from './link.ts'
import { invalid, type NatsOptions } from './options.ts'

/** How long one attempt waits for the server's answer, in milliseconds. */
const ANSWER = 5000

/** Options of {@link jetstreamSink}. */
export interface JetStreamSinkOptions<R> extends NatsOptions {
  /** The stream that must store the messages. */
  readonly stream: string
  /** The subject of an output. */
  readonly subject: string | ((output: R) => string)
  /** The bytes of an output, for instance `json<Order>().encode`. */
  readonly encode: (output: R) => Uint8Array
  /**
   * The message id of an output: the name of the job and `identityOf(partition, position)`, and a number where a record
   * has several outputs.
   */
  readonly id: (output: R) => string
  /**
   * The headers of an output.
   * @defaultValue none
   */
  readonly headers?: ((output: R) => MsgHdrs | undefined) | undefined
  /**
   * How long to retry an output while the server cannot be reached, in milliseconds; must be less than the stream's
   * `duplicate_window`.
   * @defaultValue 30000
   */
  readonly timeout?: number | undefined
}

/** Publishes to JetStream without duplicates; made by {@link jetstreamSink}. */
export class JetStreamSink<R> implements AsyncDisposable {
  readonly #options: JetStreamSinkOptions<R>
  readonly #timeout: number
  readonly #link: Link
  #checked: Promise<void> | undefined

  constructor(options: JetStreamSinkOptions<R>) {
    for (const name of ['connect', 'encode', 'id'] as const) {
      if (typeof options[name] !== 'function') invalid(`\`${name}\` must be a function`)
    }
    this.#options = options
    this.#timeout = wholeNumber('timeout', options.timeout ?? 30_000, 1, 2 ** 31 - 1)
    this.#link = new Link(options, this.#timeout)
  }

  /**
   * Publishes an output; resolves when the stream has stored it. If the stream had it already, `duplicate` is true and
   * nothing was added. Rejects with `UNAVAILABLE` where it could not be sent in time, and with `INDETERMINATE` where it
   * was sent and no answer came: publishing it again is safe.
   *
   * It is bound: pass `sink.publish` to a job as its `output`, or to `concatMap`.
   */
  readonly publish = async (output: R): Promise<PubAck> => {
    const { subject, encode, id, headers } = this.#options
    const message = attempt('CALLBACK', 'the subject, id or headers of an output', undefined, () => ({
      subject: typeof subject === 'string' ? subject : subject(output),
      id: id(output),
      headers: headers?.(output),
    }))
    const data = attempt('CODEC', `the output ${message.id}`, undefined, () => encode(output))
    const context = `publishing ${message.id}`
    const patience = new Patience(this.#timeout, context)
    let sent = false
    for (;;) {
      const session = await this.#session().catch(error => error as Error)
      try {
        if (session instanceof Error) throw session
        return await this.#once(session, message, data)
      } catch (error) {
        const failure = refused(error, context)
        if (failure !== undefined) throw failure
        // If nobody listens to the subject, the message was not stored.
        sent ||= !(session instanceof Error) && !isUnheard(error)
        await patience.failed(error).catch(late => {
          throw sent ? new KVError('INDETERMINATE', late.message, { cause: error }) : late
        })
      }
    }
  }

  /** Closes the connection. Idempotent. */
  close(): Promise<void> {
    return this.#link.close()
  }

  /** As {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #session(): Promise<JetStreamSession> {
    const session = await this.#link.session()
    this.#checked ??= this.#check(session)
    const checked = this.#checked
    await checked.catch(error => {
      if (this.#checked === checked) this.#checked = undefined
      throw error
    })
    return session
  }

  /** A stream that forgets ids before the last retry could store an output twice. */
  async #check({ manager }: JetStreamSession): Promise<void> {
    const { config } = await manager.streams.info(this.#options.stream)
    const window = config.duplicate_window / 1_000_000
    if (window > this.#timeout) return
    const { stream } = this.#options
    const message = `the stream ${stream} knows ids for ${window} ms (\`duplicate_window\`), which \`timeout\` must be below`
    throw new KVError('UNSUPPORTED', message)
  }

  /** One attempt; ends early when the connection is lost. */
  #once(
    { client }: JetStreamSession,
    message: { readonly subject: string; readonly id: string; readonly headers: MsgHdrs | undefined },
    data: Uint8Array,
  ): Promise<PubAck> {
    const { subject, id, headers } = message
    const published = client.publish(subject, data, {
      msgID: id,
      expect: { streamName: this.#options.stream },
      timeout: Math.min(ANSWER, this.#timeout),
      ...(headers === undefined ? {} : { headers }),
    })
    return this.#link.unlessLost(published)
  }
}

function refused(error: unknown, context: string): KVError | undefined {
  if (isStreamGone(error)) return KVError.from(error, 'INVALID_ARGUMENT', context)
  const failure = permanent(error, context)
  if (failure !== undefined) return failure
  // 503 means that the cluster is still starting; any other error would come again.
  return isAnswer(error) && error.status !== 503 ? KVError.from(error, 'ENGINE', context) : undefined
}

/**
 * A sink that publishes each output to a JetStream stream once, however often it is called: the stream drops messages
 * whose id it has seen within its `duplicate_window` (2 minutes by default). A repetition after that is stored twice,
 * so the window must be longer than a job may be down, its start included.
 *
 * @example
 * ```ts no-run
 * import { connect } from '@nats-io/transport-node'
 * import { identityOf, json } from 'rxkeeper'
 * import { jetstreamSink } from 'rxkeeper/inputs/nats'
 *
 * interface Count { readonly partition: string; readonly position: number; readonly route: string; readonly count: number }
 *
 * await using sink = jetstreamSink<Count>({
 *   connect: () => connect({ servers: 'localhost:4222' }),
 *   stream: 'COUNTS',
 *   subject: ({ route }) => `counts.${route}`,
 *   encode: json<Count>().encode,
 *   id: ({ partition, position }) => `routes:${identityOf(partition, position)}`,
 * })
 * const count = { partition: 'FLIGHTS/flights.eu', position: 4711, route: 'LHR-JFK', count: 3 }
 * await sink.publish(count)
 * const { duplicate } = await sink.publish(count)
 * console.log(duplicate) // true
 * ```
 */
export const jetstreamSink = <R>(options: JetStreamSinkOptions<R>): JetStreamSink<R> =>
  new JetStreamSink(options)
