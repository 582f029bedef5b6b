import { concatMap, distinctUntilChanged, type Observable, timer } from 'rxjs'
import { KVError } from '../../base/errors.ts'
import type { Delivered, Lag, PartitionedInput } from '../partitioned-input.ts'
import { Progress } from '../progress.ts'
import { Readers } from '../readers.ts'
import { Patience } from '../waiting.ts'
import { commitOffsets } from './commits.ts'
import { permanent } from './failures.ts'
import { Fetcher } from './fetcher.ts'
import { Link } from './link.ts'
import { type KafkaInputOptions, type KafkaSettings, settingsOf } from './options.ts'
import { type KafkaPartition, PartitionReading } from './reading.ts'

const same = (a: readonly string[], b: readonly string[]): boolean => a.join(' ') === b.join(' ')

/** Kafka as a partitioned input, made by {@link kafkaInput}; a position is the offset of a record. */
export class KafkaInput<T> implements PartitionedInput<T, number>, AsyncDisposable {
  readonly partitions$: Observable<readonly string[]>
  readonly #options: KafkaInputOptions<T>
  readonly #settings: KafkaSettings
  readonly #link: Link
  readonly #fetcher: Fetcher
  readonly #readers = new Readers()
  readonly #closing = new AbortController()
  readonly #progress: Progress
  /** By partition: after this position, nothing can be read before this offset. */
  readonly #passed = new Map<string, { readonly position: number; readonly offset: number }>()

  constructor(options: KafkaInputOptions<T>) {
    const settings = settingsOf(options)
    this.#options = options
    this.#settings = settings
    this.#link = new Link(options.kafka, settings.topics)
    this.#fetcher = new Fetcher(this.#link)
    this.#progress = new Progress(positions => this.#commit(positions))
    this.partitions$ = timer(0, settings.interval).pipe(
      concatMap(() => this.#list()),
      distinctUntilChanged(same),
    )
  }

  read(partition: string, after: number | undefined): AsyncIterable<Delivered<T, number>> {
    return this.#readers.read(`reading ${partition}`, signal => this.#read(partition, after, signal))
  }

  committed(partition: string, position: number): void {
    const { name } = this.#of(partition)
    checked(name, position)
    if (this.#options.group !== undefined && !this.#readers.closed) this.#progress.mark(name, position)
  }

  async lag(partition: string, after: number | undefined): Promise<Lag> {
    const place = this.#of(partition)
    if (after !== undefined) checked(partition, after)
    try {
      const [from, end] = await Promise.all([
        after === undefined ? this.#offsetOf(place, 'first') : after + 1,
        this.#offsetOf(place, 'end'),
      ])
      return { amount: Math.max(0, end - from), unit: 'records' }
    } catch (error) {
      const context = `the lag of ${partition}`
      throw permanent(error, context, partition) ?? KVError.from(error, 'UNAVAILABLE', context)
    }
  }

  /** Ends reading, reports the last committed position, and closes the connections. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#readers.close()
    await this.#progress.flush()
    await this.#link.close()
  }

  /** As {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async *#read(
    name: string,
    after: number | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<Delivered<T, number>, void> {
    const place = this.#of(name)
    if (after !== undefined) checked(name, after)
    const reading = new PartitionReading(
      this.#link,
      this.#fetcher,
      this.#options,
      this.#settings,
      place,
      signal,
    )
    yield* reading.records(after, (position, offset) => this.#passed.set(name, { position, offset }))
  }

  #offsetOf({ topic, partition }: KafkaPartition, which: 'first' | 'end'): Promise<number> {
    return this.#link.offsetOf(topic, partition, which)
  }

  async #list(): Promise<readonly string[]> {
    const { topics, timeout } = this.#settings
    const context = `listing the partitions of ${topics.join(', ')}`
    const patience = new Patience(timeout, context)
    for (;;) {
      try {
        await this.#link.refresh()
        const lists = await Promise.all(topics.map(topic => this.#link.partitionsOf(topic)))
        return topics.flatMap((topic, i) => lists[i]!.toSorted((a, b) => a - b).map(n => `${topic}-${n}`))
      } catch (error) {
        if (this.#closing.signal.aborted) throw new KVError('CLOSED', 'the input is closed')
        const failure = permanent(error, context)
        if (failure !== undefined) throw failure
        await patience.failed(error, this.#closing.signal)
      }
    }
  }

  async #commit(positions: ReadonlyMap<string, number>): Promise<void> {
    const offsets = Array.from(positions, ([name, position]) => {
      const { topic, partition } = this.#of(name)
      const passed = this.#passed.get(name)
      // Otherwise transaction markers after the last record would show as lag forever.
      return { topic, partition, offset: passed?.position === position ? passed.offset : position + 1 }
    })
    await commitOffsets(this.#link, this.#options.group!, offsets)
  }

  #of(name: string): KafkaPartition {
    const [, topic, partition] = /^(.*)-(0|[1-9]\d{0,8})$/.exec(name) ?? []
    if (topic === undefined || !this.#settings.topics.includes(topic)) {
      throw new KVError('INVALID_ARGUMENT', `no partition of this input: ${JSON.stringify(name)}`)
    }
    return { name, topic, partition: Number(partition) }
  }
}

function checked(partition: string, position: number): number {
  if (Number.isSafeInteger(position) && position >= 0) return position
  throw new KVError('INVALID_ARGUMENT', `no position of ${partition}: ${JSON.stringify(position)}`)
}

/**
 * Reads Apache Kafka: each partition of a topic is a partition called `TOPIC-NUMBER`, and a position is the offset of a
 * record. Needs the package `kafkajs`.
 *
 * No consumer group of Kafka takes part: only the state says where to go on, and each partition is fetched from its
 * leader. Records of a transaction are read once it is committed.
 *
 * @example
 * ```ts no-run
 * import { json } from 'rxkeeper'
 * import { kafkaInput } from 'rxkeeper/inputs/kafka'
 *
 * await using input = kafkaInput({
 *   kafka: { brokers: ['localhost:9092'] },
 *   topic: 'flights',
 *   decode: json<{ origin: string }>().decode,
 *   group: 'routes', // whose committed offsets follow, for `kafka-consumer-groups.sh` to show
 * })
 * for await (const { record, position } of input.read('flights-0', undefined)) console.log(position, record.origin)
 * ```
 */
export const kafkaInput = <T>(options: KafkaInputOptions<T>): KafkaInput<T> => new KafkaInput(options)
