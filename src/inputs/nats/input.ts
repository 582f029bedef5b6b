import { type Observable, of } from 'rxjs'
import { KVError } from '../../base/errors.ts'
import type { Delivered, Lag, PartitionedInput } from '../partitioned-input.ts'
import { Progress } from '../progress.ts'
import { Readers } from '../readers.ts'
import { permanent } from './failures.ts'
import { Link } from './link.ts'
import { markLag } from './marker.ts'
import {
  limitsOf,
  type NatsInputOptions,
  type NatsLimits,
  type NatsPartition,
  partitionsOf,
} from './options.ts'
import { read } from './reading.ts'

/** JetStream as a partitioned input, made by {@link natsInput}; a position is the sequence in the stream. */
export class NatsInput<T> implements PartitionedInput<T, number>, AsyncDisposable {
  readonly partitions$: Observable<readonly string[]>
  readonly #options: NatsInputOptions<T>
  readonly #limits: NatsLimits
  readonly #partitions: ReadonlyMap<string, NatsPartition>
  readonly #link: Link
  readonly #readers = new Readers()
  readonly #progress: Progress

  constructor(options: NatsInputOptions<T>) {
    this.#options = options
    this.#limits = limitsOf(options)
    this.#partitions = partitionsOf(options)
    this.#link = new Link(options, this.#limits.timeout)
    this.#progress = new Progress(positions => this.#mark(positions))
    this.partitions$ = of([...this.#partitions.keys()])
  }

  read(partition: string, after: number | undefined): AsyncIterable<Delivered<T, number>> {
    return this.#readers.read(`reading ${partition}`, signal => this.#read(partition, after, signal))
  }

  committed(partition: string, position: number): void {
    const { name } = this.#of(partition)
    checked(name, position)
    if (this.#options.durable !== undefined && !this.#readers.closed) this.#progress.mark(name, position)
  }

  async lag(partition: string, after: number | undefined): Promise<Lag> {
    const known = this.#of(partition)
    if (after !== undefined) checked(partition, after)
    try {
      return { amount: await this.#pending(known, after ?? 0), unit: 'records' }
    } catch (error) {
      const context = `the lag of ${partition}`
      throw permanent(error, context) ?? KVError.from(error, 'UNAVAILABLE', context)
    }
  }

  /** Ends reading, reports the last committed position, and closes the connection. Idempotent. */
  async close(): Promise<void> {
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
    const partition = this.#of(name)
    if (after !== undefined) checked(name, after)
    yield* read({ link: this.#link, options: this.#options, limits: this.#limits, partition, after }, signal)
  }

  async #mark(positions: ReadonlyMap<string, number>): Promise<void> {
    for (const [name, position] of positions) {
      await markLag(this.#link, this.#of(name), this.#options.durable!, position)
    }
  }

  async #pending({ stream, subject }: NatsPartition, after: number): Promise<number> {
    const { manager } = await this.#link.session()
    if (subject === undefined) {
      const { state } = await manager.streams.info(stream)
      if (!state.num_deleted) return Math.max(0, state.last_seq - Math.max(after, state.first_seq - 1))
    }
    const { name, num_pending } = await manager.consumers.add(stream, {
      deliver_policy: 'by_start_sequence',
      opt_start_seq: after + 1,
      ack_policy: 'none',
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: 5_000_000_000,
      ...(subject === undefined ? {} : { filter_subject: subject }),
    })
    await manager.consumers.delete(stream, name)
    return num_pending
  }

  #of(partition: string): NatsPartition {
    const known = this.#partitions.get(partition)
    if (known === undefined) throw new KVError('INVALID_ARGUMENT', `there is no partition ${partition}`)
    return known
  }
}

function checked(partition: string, position: number): number {
  if (Number.isSafeInteger(position) && position >= 0) return position
  throw new KVError('INVALID_ARGUMENT', `no position of ${partition}: ${JSON.stringify(position)}`)
}

/**
 * Reads [NATS JetStream](https://docs.nats.io/nats-concepts/jetstream): streams, or subjects of a stream, as
 * partitions.
 *
 * Each partition is read through an ordered consumer of its own, in requests of bounded size. A position is a sequence
 * number of the stream, and only the state says where to go on: nothing is acknowledged, so the streams must have the
 * default retention, `limits`.
 *
 * @example
 * ```ts no-run
 * import { connect } from '@nats-io/transport-node'
 * import { json } from 'rxkeeper'
 * import { natsInput } from 'rxkeeper/inputs/nats'
 *
 * await using input = natsInput({
 *   connect: () => connect({ servers: 'localhost:4222' }),
 *   stream: 'FLIGHTS',
 *   subjects: ['flights.eu', 'flights.us'],
 *   decode: json<{ origin: string }>().decode,
 * })
 * for await (const { record, position } of input.read('FLIGHTS/flights.eu', undefined)) console.log(position, record)
 * ```
 */
export const natsInput = <T>(options: NatsInputOptions<T>): NatsInput<T> => new NatsInput(options)
