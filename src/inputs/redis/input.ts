import { concatMap, defer, distinctUntilChanged, type Observable, timer } from 'rxjs'
import { KVError } from '../../base/errors.ts'
import type { Delivered, Lag, PartitionedInput } from '../partitioned-input.ts'
import { Readers } from '../readers.ts'
import { compareIds, isId, type RedisEntry, timeOf } from './entry.ts'
import { Link, loadClient } from './link.ts'
import { configOf, type RedisConfig, type RedisInputOptions } from './options.ts'
import { StreamReading } from './read.ts'
import { COUNT_AFTER, MOVE_GROUP } from './scripts.ts'
import { Stream, type StreamInfo } from './stream.ts'

/** Up to this many entries are counted exactly; beyond that, their number is estimated. */
const COUNTED = 10_000

/** Redis Streams as a partitioned input, made by {@link redisInput}. */
export class RedisInput<T> implements PartitionedInput<T, string>, AsyncDisposable {
  /** All streams; with patterns, again at each change. */
  readonly partitions$: Observable<readonly string[]>
  readonly #options: RedisInputOptions<T>
  readonly #config: RedisConfig
  readonly #readers = new Readers()
  readonly #closing = new AbortController()
  /** For everything except reading, which blocks, so each iterator has a connection of its own. */
  readonly #link: Link

  constructor(options: RedisInputOptions<T>) {
    const config = configOf(options, loadClient)
    this.#options = options
    this.#config = config
    this.#link = new Link(config, this.#closing.signal, 'asking Redis')
    const list$ = defer(() => this.#asking(() => this.#list()))
    const key = (names: readonly string[]): string => names.join('\n')
    this.partitions$ =
      config.patterns.length === 0
        ? list$
        : timer(0, config.interval).pipe(
            concatMap(() => list$),
            distinctUntilChanged((a, b) => key(a) === key(b)),
          )
  }

  /** The entries of a stream after a position, or from the first. */
  read(partition: string, after: string | undefined): AsyncIterable<Delivered<T, string>> {
    const context = `reading ${partition}`
    return this.#readers.read(context, signal => this.#read(partition, after, context, signal))
  }

  /** Moves the `group` forward to a position. Does nothing without a `group`. */
  async committed(partition: string, position: string): Promise<void> {
    const { group } = this.#config
    if (group === undefined) return
    await this.#asking(() => this.#link.ask('EVAL', [MOVE_GROUP, 1, this.#known(partition), group, position]))
  }

  /** How many entries come after a position: counted up to 10,000, estimated from their times beyond that. */
  lag(partition: string, after: string | undefined): Promise<Lag> {
    return this.#asking(async () => {
      if (after !== undefined && !isId(after)) {
        throw new KVError('INVALID_ARGUMENT', `no position of ${partition}: ${JSON.stringify(after)}`)
      }
      const info = await new Stream(this.#known(partition), this.#link).info()
      return { amount: await this.#entriesAfter(partition, after, info), unit: 'records' }
    })
  }

  /** Ends all reading and its connections. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.#link.close()
    await this.#readers.close()
  }

  /** As {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async *#read(
    partition: string,
    after: string | undefined,
    context: string,
    signal: AbortSignal,
  ): AsyncGenerator<Delivered<T, string>, void> {
    const link = new Link(this.#config, signal, context, partition)
    const { decode = (entry: RedisEntry) => entry.fields as T, undecodable } = this.#options
    try {
      const stream = new Stream(this.#known(partition), link)
      yield* new StreamReading(partition, stream, this.#config, decode, undecodable).records(after)
    } finally {
      link.close()
    }
  }

  async #entriesAfter(key: string, after: string | undefined, info: StreamInfo): Promise<number> {
    if (after === undefined || info.first === undefined || compareIds(after, info.first) < 0)
      return info.length
    if (compareIds(after, info.last) >= 0) return 0
    const counted = (await this.#link.ask('EVAL', [COUNT_AFTER, 1, key, after, COUNTED])) as number
    if (counted < COUNTED) return counted
    // Assuming an even rate.
    const [begin, end] = [timeOf(info.first), timeOf(info.last)]
    const share = (end - timeOf(after)) / Math.max(1, end - begin)
    return Math.max(counted, Math.min(info.length, Math.round(share * info.length)))
  }

  async #list(): Promise<readonly string[]> {
    const found = new Set(this.#config.keys)
    for (const pattern of this.#config.patterns) {
      let cursor = '0'
      do {
        const args = [cursor, 'MATCH', pattern, 'COUNT', 1000, 'TYPE', 'stream']
        const [next, keys] = (await this.#link.ask('SCAN', args)) as [Buffer, Buffer[]]
        for (const key of keys) found.add(key.toString())
        cursor = next.toString()
      } while (cursor !== '0')
    }
    return [...found].sort()
  }

  #known(partition: string): string {
    const { keys, patterns } = this.#config
    if (partition !== '' && (keys.includes(partition) || patterns.length > 0)) return partition
    throw new KVError('INVALID_ARGUMENT', `no partition of this input: ${JSON.stringify(partition)}`)
  }

  /** Runs a request on the shared connection. */
  async #asking<R>(work: () => Promise<R>): Promise<R> {
    try {
      this.#closing.signal.throwIfAborted()
      return await work()
    } catch (error) {
      if (this.#closing.signal.aborted) throw new KVError('CLOSED', 'the input is closed')
      throw KVError.from(error, 'ENGINE', 'asking Redis')
    }
  }
}

/**
 * Redis Streams as a partitioned input: each stream is a partition, the id of an entry a position. Needs the package
 * `ioredis`.
 *
 * Each partition that is read has a connection of its own. The input deletes and trims nothing. Where entries after the
 * position were trimmed, reading fails with `POSITION_LOST`. As long as the entry at the position itself is there, none
 * were: so trim up to it, not beyond (`XTRIM key MINID position`).
 *
 * @example
 * ```ts
 * import { Redis } from 'ioredis'
 * import { redisInput } from 'rxkeeper/inputs/redis'
 *
 * const redis = new Redis('redis://localhost:6379')
 * await redis.xadd('visits:0', '*', 'user', 'alice', 'page', '/')
 *
 * await using input = redisInput<{ user: string }>({ url: 'redis://localhost:6379', streams: 'visits:*', group: 'counts' })
 * for await (const { record, position } of input.read('visits:0', undefined)) {
 *   console.log(record.user) // alice
 *   await input.committed('visits:0', position)
 *   break
 * }
 * redis.disconnect()
 * ```
 */
export const redisInput = <T = Record<string, string>>(options: RedisInputOptions<T>): RedisInput<T> =>
  new RedisInput(options)
