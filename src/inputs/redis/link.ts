import { createRequire } from 'node:module'
import type { Redis as Client } from 'ioredis'
import { KVError } from '../../base/errors.ts'
import { Patience, within } from '../waiting.ts'
import type { RedisConfig } from './options.ts'

/** How long a connection or an answer is waited for at most, before another connection is tried, in milliseconds. */
const ANSWER = 10_000

/** What Redis says while it cannot serve for now. */
const FOR_NOW = /^(LOADING|MASTERDOWN|TRYAGAIN|CLUSTERDOWN|BUSY) /

const REFUSED = /^(NOAUTH|WRONGPASS|NOPERM|ERR AUTH|ERR invalid password)/

/** Whether the server said so. */
const isReply = (cause: unknown): cause is Error => cause instanceof Error && cause.name === 'ReplyError'

/** The error of an answer that is one; `undefined` where it is worth trying again. */
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

/** Loaded when the first input is opened: `ioredis` is an optional dependency. */
export function loadClient(): typeof Client {
  try {
    return (createRequire(import.meta.url)('ioredis') as { Redis: typeof Client }).Redis
  } catch (cause) {
    throw new KVError('UNSUPPORTED', 'the Redis input needs the npm package "ioredis": npm install ioredis', {
      cause,
    })
  }
}

/** A client, and the last error that it told of: why it cannot be used, where the command only hears that it cannot. */
interface Connection {
  readonly client: Client
  failure: unknown
}

/**
 * A connection to Redis that asks again when it is lost: for commands that may be carried out twice. Each client of
 * ioredis is used for one connection, so that none repeats by itself what it does not know the outcome of.
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
   * @param pause how long the server may take for it by what it says, in milliseconds
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

  /** Ends the connection, also one that is only coming. */
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
      // Where the server is loading its data, it would wait for many seconds; we ask again sooner.
      enableReadyCheck: false,
      // Without the maps of RESP 3, and as servers before Redis 6 know it.
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
