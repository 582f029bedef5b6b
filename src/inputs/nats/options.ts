import type { JetStreamManagerOptions, JsMsg } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { wholeNumber } from '../../base/arguments.ts'
import { KVError } from '../../base/errors.ts'
import type { InputOptions } from '../partitioned-input.ts'

/** How JetStream is reached. */
export interface NatsOptions {
  /**
   * Connects: `() => connect({ servers })`, with `connect` from `@nats-io/transport-node` or another transport. Called
   * when a connection is first needed, and again after one has given up reconnecting. The connection is closed at the
   * end.
   */
  readonly connect: () => Promise<NatsConnection>
  /** The domain, prefix or timeout of JetStream's API, where they differ from the defaults. */
  readonly jetstream?: JetStreamManagerOptions | undefined
}

/** Options of {@link natsInput}. */
export interface NatsInputOptions<T> extends NatsOptions, InputOptions<number> {
  /** The stream, or several, each of which is a partition. */
  readonly stream: string | readonly string[]
  /**
   * The partitions of a single stream: subjects, with or without wildcards, which must not overlap. A partition is then
   * called `STREAM/SUBJECT`.
   * @defaultValue none: the stream is one partition, called `STREAM`
   */
  readonly subjects?: readonly string[] | undefined
  /**
   * Makes the record from a message, for instance `json<Order>().decode`; the message has subject, headers and time.
   */
  readonly decode: (data: Uint8Array, message: JsMsg) => T
  /**
   * The name of a durable consumer for each partition (with `subjects`, followed by the subject) that begins after the
   * committed position, so that `nats consumer report` shows the lag as its unprocessed messages. It is for display
   * only: nothing reads through it.
   * @defaultValue none
   */
  readonly durable?: string | undefined
  /**
   * What to do where messages after the position may be gone from the stream: fail with `POSITION_LOST`, or go on with
   * those that are left. With `subjects`, the server cannot tell whether messages of this subject were among those that
   * are gone.
   * @defaultValue 'fail'
   */
  readonly gone?: 'fail' | 'skip' | undefined
  /**
   * How many messages to fetch ahead; fewer where they would exceed 4 MiB.
   * @defaultValue 2000
   */
  readonly prefetch?: number | undefined
  /**
   * How long to retry while the server cannot be reached, in milliseconds.
   * @defaultValue 30000
   */
  readonly timeout?: number | undefined
}

/** A partition: a whole stream, or the messages of a subject. */
export interface NatsPartition {
  readonly name: string
  readonly stream: string
  readonly subject: string | undefined
}

const STREAM = /^[^\s.*>/\\]+$/
const SUBJECT = /^(?:[^\s.*>]+|\*)(?:\.(?:[^\s.*>]+|\*))*(?:\.>)?$/

export function invalid(message: string): never {
  throw new KVError('INVALID_ARGUMENT', message)
}

/** Whether any subject matches both. */
function overlap(one: string, other: string): boolean {
  const [a, b] = [one.split('.'), other.split('.')]
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    if (a[i] === '>' || b[i] === '>') return a[i] !== undefined && b[i] !== undefined
    if (a[i] !== b[i] && (a[i] !== '*' || b[i] === undefined) && (b[i] !== '*' || a[i] === undefined))
      return false
  }
  return true
}

/** The partitions in the options, by name. */
export function partitionsOf<T>(options: NatsInputOptions<T>): ReadonlyMap<string, NatsPartition> {
  const { stream, subjects } = options
  const streams = typeof stream === 'string' ? [stream] : stream
  if (!Array.isArray(streams) || streams.length === 0) invalid('`stream` must be a name, or some names')
  for (const name of streams) {
    if (typeof name !== 'string' || !STREAM.test(name))
      invalid(`\`stream\` has ${JSON.stringify(name)}, no name of a stream`)
  }
  if (new Set(streams).size < streams.length) invalid('`stream` has a name twice')
  if (subjects === undefined) {
    return new Map(streams.map(name => [name, { name, stream: name, subject: undefined }]))
  }
  if (streams.length > 1) invalid('`subjects` can only divide a single stream')
  if (!Array.isArray(subjects) || subjects.length === 0) invalid('`subjects` must have some subjects')
  for (const [i, subject] of subjects.entries()) {
    if (subject !== '>' && !SUBJECT.test(subject))
      invalid(`\`subjects\` has ${JSON.stringify(subject)}, no subject`)
    const other = subjects.slice(0, i).find(before => overlap(before, subject))
    if (other !== undefined)
      invalid(`\`subjects\` has ${other} and ${subject}, which overlap: their messages would be read twice`)
  }
  return new Map(
    subjects.map(subject => {
      const name = `${streams[0]}/${subject}`
      return [name, { name, stream: streams[0]!, subject }]
    }),
  )
}

export interface NatsLimits {
  readonly prefetch: number
  readonly timeout: number
}

/** The options, validated once when the input is made. */
export function limitsOf<T>(options: NatsInputOptions<T>): NatsLimits {
  const { connect, decode, durable, gone, prefetch = 2000, timeout = 30_000 } = options
  if (typeof connect !== 'function') invalid('`connect` must be a function that connects')
  if (typeof decode !== 'function') invalid('`decode` must be a function')
  if (durable !== undefined && !STREAM.test(durable)) {
    invalid(`\`durable\` is ${JSON.stringify(durable)}, no name of a consumer`)
  }
  if (gone !== undefined && gone !== 'fail' && gone !== 'skip')
    invalid("`gone` must be 'fail' or 'skip', got ".concat(String(gone)))
  return {
    prefetch: wholeNumber('prefetch', prefetch, 1, 100_000),
    timeout: wholeNumber('timeout', timeout, 1, 2 ** 31 - 1),
  }
}
