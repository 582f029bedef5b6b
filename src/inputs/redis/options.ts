import type { Redis, RedisOptions } from 'ioredis'
import { oneOf, wholeNumber } from '../../base/arguments.ts'
import { KVError } from '../../base/errors.ts'
import type { InputOptions } from '../partitioned-input.ts'
import type { RedisEntry } from './entry.ts'

/** Options of `redisInput`. */
export interface RedisInputOptions<T> extends InputOptions<string> {
  /**
   * The server: `redis://user:password@host:port/db`, or `rediss://` for TLS.
   * @defaultValue as in `connection`
   */
  readonly url?: string | undefined
  /** Options of ioredis for each connection: credentials, TLS, sentinels. Those about reconnecting have no effect. */
  readonly connection?: Omit<RedisOptions, 'keyPrefix'> | undefined
  /**
   * The keys of the streams, each a partition; or patterns with `*`, `?` or `[a-z]`, which are matched against all
   * keys, again every `interval`.
   */
  readonly streams: string | readonly string[]
  /**
   * Makes a record from an entry. An entry for which it throws is undecodable.
   * @defaultValue the record is an object with the fields, as strings
   */
  readonly decode?: ((entry: RedisEntry) => T) | undefined
  /**
   * A consumer group that follows the committed position, so that `XINFO GROUPS` shows how far each stream is
   * processed. It is for display only: nobody reads through it. It is created if missing, and never moved back.
   * @defaultValue none: nothing is written to Redis
   */
  readonly group?: string | undefined
  /**
   * What to do where entries after the position may have been trimmed: fail with `POSITION_LOST`, or go on with those
   * that are left.
   * @defaultValue 'fail'
   */
  readonly gone?: 'fail' | 'skip' | undefined
  /**
   * How many entries to fetch at a time; fewer when they are long, so that about 1 MiB is fetched.
   * @defaultValue 1000
   */
  readonly prefetch?: number | undefined
  /**
   * How long to retry while the server cannot be reached, in milliseconds.
   * @defaultValue 30000
   */
  readonly timeout?: number | undefined
  /**
   * How often to look for streams that match a pattern, in milliseconds.
   * @defaultValue 5000
   */
  readonly interval?: number | undefined
}

/** The validated options, and the client. */
export interface RedisConfig {
  readonly Redis: typeof Redis
  readonly url: string | undefined
  readonly connection: Omit<RedisOptions, 'keyPrefix'>
  readonly keys: readonly string[]
  readonly patterns: readonly string[]
  readonly group: string | undefined
  readonly skip: boolean
  readonly prefetch: number
  readonly timeout: number
  readonly interval: number
}

const isPattern = (stream: string): boolean => /[*?[]/.test(stream)

export function configOf<T>(options: RedisInputOptions<T>, load: () => typeof Redis): RedisConfig {
  const { url, connection = {}, streams, decode, group, gone = 'fail', prefetch = 1000 } = options
  const { timeout = 30_000, interval = 5000 } = options
  const invalid = (message: string): never => {
    throw new KVError('INVALID_ARGUMENT', message)
  }
  const given = typeof streams === 'string' ? [streams] : streams
  if (
    !Array.isArray(given) ||
    given.length === 0 ||
    given.some(key => typeof key !== 'string' || key === '')
  ) {
    invalid('`streams` must be a key or pattern, or several')
  }
  if (url !== undefined && !/^rediss?:\/\//.test(url)) invalid('`url` must begin with redis:// or rediss://')
  if (decode !== undefined && typeof decode !== 'function') invalid('`decode` must be a function')
  if (group === '') invalid('`group` must not be empty')
  return {
    url,
    connection,
    keys: [...new Set(given.filter(stream => !isPattern(stream)))],
    patterns: given.filter(isPattern),
    group,
    skip: oneOf('gone', gone, ['fail', 'skip']) === 'skip',
    prefetch: wholeNumber('prefetch', prefetch, 1, 100_000),
    timeout: wholeNumber('timeout', timeout, 1, 2 ** 31 - 1),
    interval: wholeNumber('interval', interval, 1, 2 ** 31 - 1),
    Redis: load(),
  }
}
