import { createRequire } from 'node:module'
import type { Redis as Client } from 'ioredis'
import { KVError } from '../../errors.ts'
import { Patience, within } from '../waiting.ts'
import type { RedisConfig } from './options.ts'

/** How long a connection or an answer is waited for at most, before another connection is tried, in milliseconds. */
const ANSWER = 10_000

/** What Redis says while it cannot serve for now. */
const FOR_NOW = /^(LOADING|MASTERDOWN|TRYAGAIN|CLUSTERDOWN|BUSY) /

const REFUSED = /^(NOAUTH|WRONGPASS|NOPERM|ERR AUTH|ERR invalid password)/

/** The error of an answer that is one; `undefined` where it is worth trying again. */
function answered(cause: unknown, context: string, partition: string | undefined): KVError | undefined {
  const { name, message } = cause as Error
  if (name !== 'ReplyError' || FOR_NOW.test(message)) return undefined
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

/**
 * A connection to Redis that asks again when it is lost: for commands that may be carried out twice. Each client of
 * ioredis is used for one connection, so that none repeats by itself what it does not know the outcome of.
 */
export class Link {
  readonly #config: RedisConfig
  readonly #signal: AbortSignal
  readonly #patience: Patience
  readonly #answer: number
  readonly #context: string
  readonly #partition: string | undefined
  #client: Promise<Client> | undefined

  /** @param signal ends it */
  constructor(config: RedisConfig, signal: AbortSignal, context: string, partition?: string) {
    this.#config = config
    this.#signal = signal
    this.#answer = Math.min(config.timeout, ANSWER)
    this.#context = context
    this.#partition = partition
    this.#patience = new Patience(config.timeout, context, partition)
  }

  /**
   * The answer to a command.
   * @param pause how long the server may take for it by what it says, in milliseconds
   */
  async ask(command: string, args: readonly (string | number)[], pause = 0): Promise<unknown> {
    for (;;) {
      this.#client ??= this.#connect()
      const client = this.#client
      try {
        const answer = await within(
          pause + this.#answer,
          (await client).callBuffer(command, [...args]),
          command,
        )
        this.#patience.succeeded()
        return answer
      } catch (cause) {
        this.#signal.throwIfAborted()
        const error = answered(cause, this.#context, this.#partition)
        if (error !== undefined) throw error
        this.#leave(client)
        await this.#patience.failed(cause, this.#signal)
      }
    }
  }

  /** Ends the connection, also one that is only coming. */
  close(): void {
    if (this.#client !== undefined) this.#leave(this.#client)
  }

  async #connect(): Promise<Client> {
    const { url, connection, Redis } = this.#config
    const options = {
      connectTimeout: this.#answer,
      ...connection,
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
    let failure: unknown
    // Says more than `connect`, which only says that the connection is closed.
    client.on('error', error => {
      failure = error
    })
    const leave = (): void => client.disconnect()
    this.#signal.addEventListener('abort', leave, { once: true })
    client.once('end', () => this.#signal.removeEventListener('abort', leave))
    try {
      this.#signal.throwIfAborted()
      await within(this.#answer, client.connect(), 'connecting')
      return client
    } catch (cause) {
      leave()
      throw failure ?? cause
    }
  }

  #leave(left: Promise<Client>): void {
    left.then(client => client.disconnect()).catch(() => {})
    if (this.#client === left) this.#client = undefined
  }
}
