import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { KVError } from '../../base/errors.ts'
import { within } from '../waiting.ts'
import { jetstreamLibrary } from './library.ts'
import type { NatsOptions } from './options.ts'

/** A connection, and JetStream on it. */
export interface JetStreamSession {
  readonly connection: NatsConnection
  readonly client: JetStreamClient
  readonly manager: JetStreamManager
}

/** The one connection of an input or a sink, opened when it is first needed, and again after it has given up. */
export class Link {
  readonly #library = jetstreamLibrary()
  readonly #options: NatsOptions
  readonly #timeout: number
  readonly #lost = new Set<() => void>()
  #session: Promise<JetStreamSession> | undefined
  /**
   * While it reconnects: settles when it has, or has given up. A request sent meanwhile would be lost, and time out.
   */
  #reconnecting: Promise<void> | undefined
  #reconnected: (() => void) | undefined
  #closed = false

  /** @param timeout how long to wait for a session, in milliseconds */
  constructor(options: NatsOptions, timeout: number) {
    this.#options = options
    this.#timeout = timeout
  }

  /** The session, connected. */
  session(): Promise<JetStreamSession> {
    return within(this.#timeout, this.#connected(), 'connecting to NATS')
  }

  /** Calls `lost` whenever the connection is lost; returns a function that ends this. */
  onLost(lost: () => void): () => void {
    this.#lost.add(lost)
    return () => void this.#lost.delete(lost)
  }

  /** Settles as `promise` does, or rejects when the connection is lost, since no answer will come any more. */
  async unlessLost<R>(promise: Promise<R>): Promise<R> {
    let release = (): void => {}
    const lost = new Promise<never>((_, reject) => {
      release = this.onLost(() => reject(new Error('the connection was lost')))
    })
    promise.catch(() => {})
    try {
      return await Promise.race([promise, lost])
    } finally {
      release()
    }
  }

  /** Closes the connection, even one that is still being opened. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    const closing = this.#session?.then(({ connection }) => connection.close())
    await within(this.#timeout, Promise.resolve(closing), 'closing').catch(() => {})
  }

  async #connected(): Promise<JetStreamSession> {
    for (;;) {
      if (this.#closed) throw new KVError('CLOSED', 'the connection to NATS is closed')
      this.#session ??= this.#dial()
      const dialled = this.#session
      // Of several callers that find it failed or closed, one reconnects.
      const forget = (): void => {
        if (this.#session === dialled) this.#session = undefined
      }
      dialled.catch(forget)
      const session = await dialled
      await this.#reconnecting
      if (!session.connection.isClosed()) return session
      forget()
    }
  }

  async #dial(): Promise<JetStreamSession> {
    const connection = await this.#options.connect()
    void this.#follow(connection)
    const { jetstream: options = {} } = this.#options
    const { jetstream, jetstreamManager } = this.#library
    const manager = await jetstreamManager(connection, { ...options, checkAPI: false })
    return { connection, manager, client: jetstream(connection, options) }
  }

  async #follow(connection: NatsConnection): Promise<void> {
    for await (const { type } of connection.status()) {
      if (type === 'disconnect') this.#wait()
      if (type === 'disconnect' || type === 'close') for (const lost of this.#lost) lost()
      if (type === 'reconnect' || type === 'close') this.#reconnected?.()
    }
    this.#reconnected?.()
  }

  #wait(): void {
    this.#reconnecting ??= new Promise(resolve => {
      this.#reconnected = () => {
        this.#reconnecting = undefined
        this.#reconnected = undefined
        resolve()
      }
    })
  }
}
