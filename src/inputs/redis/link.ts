import { createRequire } from 'node:module'
import type { Redis as Client } from 'ioredis'
import { KVError } from '../../base/errors.ts'
import { Patience, within } from '../waiting.ts'
import type { RedisConfig } from './options.ts'

/** The longest wait for a connection or an answer before another connection is tried, in milliseconds. */
const ANSWER = 10_000

/** The errors of a Redis server that cannot serve at the moment. */
const FOR_NOW = /^(LOADING|MASTERDOWN|TRYAGAIN|CLUSTERDOWN|BUSY) /

const REFUSED = /^(NOAUTH|WRONGPASS|NOPERM|ERR AUTH|ERR invalid password)/

/** Whether this is an error reply of the server. */
const isReply = (cause: unknown): cause is Error => cause instanceof Error && cause.name === 'ReplyError'

/** The error to fail with; `undefined` where a retry may succeed. */
function answered(cause: unknown, context: string, partition: string | undefined): KVError | undefined {
  if (!isReply(cause) || FOR_NOW.test(cause.message)) return undefined
  const { message } = cause
  const code = REFUSED.test(message)
    ? 'AUTH'
    : message.startsWith('WRONGTYPE')
      ? 'INVALID_ARGUMENT'
      : 'ENGINE'
  return new KVError(code, `${context}: ${message}`, { cause, partition })
}

/** Loads `ioredis`, an optional dependency, when the first input is opened. */
export function loadClient(): typeof Client {
  try {
    return (createRequire(import.meta.url)('ioredis') as { Redis: typeof Client }).Redis
  } catch (cause) {
    throw new KVError('UNSUPPORTED', 'the Redis input needs the npm package "ioredis": npm install ioredis', {
      cause,
    })
  }
}

/** A client, and the last error that it reported: commands only learn that the client is unusable, this says why. */
interface Connection {
  readonly client: Client
  failure: unknown
}

/**
 * A connection to Redis that repeats a command when the connection is lost, for commands that may be carried out twice.
 * Each ioredis client is used for one connection only, so that none repeats by itself a command whose outcome is
 * unknown.
 */
export class Link {
  readonly #config: RedisConfig
  readonly #signal: AbortSignal
  readonly #answer: number
  readonly #context: string
  readonly #partition: string | undefined
  #connection: Promise<Connection> | undefined

  /** @param signal ends it */
  constructor(config: RedisConfig, signal: AbortSignal, context: string, partition?: string) {
    this.#config = config
    this.#signal = signal
    this.#answer = Math.min(config.timeout, ANSWER)
    this.#context = context
    this.#partition = partition
  }

  /**
   * The answer to a command.
   * @param pause how long the command makes the server wait, in milliseconds
   */
  async ask(command: string, args: readonly (string | number)[], pause = 0): Promise<unknown> {
    const patience = new Patience(this.#config.timeout, this.#context, this.#partition)
    for (;;) {
      this.#connection ??= this.#connect()
      const connecting = this.#connection
      let connection: Connection | undefined
      try {
        connection = await connecting
        return await within(pause + this.#answer, connection.client.callBuffer(command, [...args]), command)
      } catch (cause) {
        this.#signal.throwIfAborted()
        const reason = isReply(cause) ? cause : (connection?.failure ?? cause)
        const error = answered(reason, this.#context, this.#partition)
        if (error !== undefined) throw error
        this.#leave(connecting)
        await patience.failed(reason, this.#signal)
      }
    }
  }

  /** Ends the connection, even one that is still being opened. */
  close(): void {
    if (this.#connection !== undefined) this.#leave(this.#connection)
  }

  async #connect(): Promise<Connection> {
    const { url, connection: given, Redis } = this.#config
    const options = {
      connectTimeout: this.#answer,
      ...given,
      lazyConnect: true,
      retryStrategy: () => null,
      autoResendUnfulfilledCommands: false,
      enableOfflineQueue: false,
      // While the server loads its data, ioredis would wait for many seconds; we retry sooner.
      enableReadyCheck: false,
      // RESP 2: no maps in replies, and known to servers before Redis 6.
      protocol: 2 as const,
      replyMapping: 'legacy' as const,
    }
    const client = url === undefined ? new Redis(options) : new Redis(url, options)
    const connection: Connection = { client, failure: undefined }
    client.on('error', error => {
      connection.failure = error
    })
    const leave = (): void => client.disconnect()
    this.#signal.addEventListener('abort', leave, { once: true })
    client.once('end', () => this.#signal.removeEventListener('abort', leave))
    try {
      this.#signal.throwIfAborted()
      await within(this.#answer, client.connect(), 'connecting')
      return connection
    } catch (cause) {
      leave()
      throw connection.failure ?? cause
    }
  }

  #leave(left: Promise<Connection>): void {
    left.then(({ client }) => client.disconnect()).catch(() => {})
    if (this.#connection === left) this.#connection = undefined
  }
}
