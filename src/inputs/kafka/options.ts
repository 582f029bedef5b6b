import type { KafkaConfig, KafkaMessage } from 'kafkajs'
import { oneOf, wholeNumber } from '../../base/arguments.ts'
import { KVError } from '../../base/errors.ts'
import type { InputOptions } from '../partitioned-input.ts'

/** Options of {@link kafkaInput}. */
export interface KafkaInputOptions<T> extends InputOptions<number> {
  /**
   * The options of `new Kafka(…)` of kafkajs (`brokers`, `ssl`, `sasl`, …), except `retry`, which is ours. By default,
   * `logLevel` is `NOTHING` and `requestTimeout` is 10 seconds.
   */
  readonly kafka: Omit<KafkaConfig, 'retry'>
  /** The topic, or several. */
  readonly topic: string | readonly string[]
  /**
   * Makes the record from a message, for instance `json<Order>().decode`; the message has key, headers and timestamp. A
   * message without a value (`message.value` is `null`) has empty bytes.
   */
  readonly decode: (value: Uint8Array, message: KafkaMessage) => T
  /**
   * A group whose committed offsets follow the committed position, so that Kafka's tools show the lag. It is for
   * display only: no member joins it, and no consumer of Kafka may.
   * @defaultValue none
   */
  readonly group?: string | undefined
  /**
   * What to do where records after the position are gone from the partition: fail with `POSITION_LOST`, or go on with
   * those that are left.
   * @defaultValue 'fail'
   */
  readonly gone?: 'fail' | 'skip' | undefined
  /**
   * How much of a partition to fetch at a time, in bytes; as much again is fetched ahead. A larger batch is fetched
   * whole.
   * @defaultValue 1048576
   */
  readonly maxBytes?: number | undefined
  /**
   * How often to look for new partitions, in milliseconds.
   * @defaultValue 30000
   */
  readonly interval?: number | undefined
  /**
   * How long to retry while the brokers cannot be reached, in milliseconds.
   * @defaultValue 30000
   */
  readonly timeout?: number | undefined
}

export interface KafkaSettings {
  readonly topics: readonly string[]
  readonly maxBytes: number
  readonly interval: number
  readonly timeout: number
  readonly skip: boolean
}

const TOPIC = /^[A-Za-z0-9._-]{1,249}$/

function invalid(message: string): never {
  throw new KVError('INVALID_ARGUMENT', message)
}

/** The options, validated once when the input is made. */
export function settingsOf<T>(options: KafkaInputOptions<T>): KafkaSettings {
  const { kafka, topic, decode, group, gone = 'fail' } = options
  const { maxBytes = 1024 * 1024, interval = 30_000, timeout = 30_000 } = options
  if (typeof kafka !== 'object' || kafka === null) invalid('`kafka` must be what kafkajs takes')
  if (typeof kafka.brokers !== 'function' && !kafka.brokers?.length) invalid('`kafka.brokers` must name some')
  if (typeof decode !== 'function') invalid('`decode` must be a function')
  const topics = typeof topic === 'string' ? [topic] : topic
  if (!Array.isArray(topics) || topics.length === 0) invalid('`topic` must be a name, or some names')
  for (const name of topics) {
    if (typeof name !== 'string' || !TOPIC.test(name))
      invalid(`\`topic\` has ${JSON.stringify(name)}, no name of a topic`)
  }
  if (new Set(topics).size < topics.length) invalid('`topic` has a name twice')
  if (group !== undefined && (typeof group !== 'string' || group === '')) invalid('`group` must be a name')
  return {
    topics,
    maxBytes: wholeNumber('maxBytes', maxBytes, 1, 2 ** 30),
    interval: wholeNumber('interval', interval, 1, 2 ** 31 - 1),
    timeout: wholeNumber('timeout', timeout, 1, 2 ** 31 - 1),
    skip: oneOf('gone', gone, ['fail', 'skip']) === 'skip',
  }
}
