import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { wholeNumber } from '../base/arguments.ts'
import { KVError } from '../base/errors.ts'
import type { KVStore } from '../store/kv-store.ts'
import { Access, isLoopback } from './access.ts'
import { loadAssets } from './assets.ts'
import { LIMITS, type Limits } from './limits.ts'
import { Observer } from './observer.ts'
import { Requests } from './requests.ts'

/** Options of {@link serveMonitor}. */
export interface MonitorOptions {
  /**
   * The port; 0 for any that is free.
   * @defaultValue 7181
   */
  readonly port?: number | undefined
  /**
   * The name or address to listen on. What is not loopback needs a token.
   * @defaultValue '127.0.0.1'
   */
  readonly host?: string | undefined
  /**
   * What visitors must have, at least 16 characters.
   * @defaultValue none on loopback, else one that is made up
   */
  readonly token?: string | undefined
  /**
   * Names under which visitors may address the monitor, beside `localhost`, `host` and addresses.
   * @defaultValue none
   */
  readonly allowedHosts?: readonly string[] | undefined
  /**
   * Only keys that start with this are followed and listed at first.
   * @defaultValue '' (all)
   */
  readonly prefix?: string | undefined
  /**
   * What the store is called on the page.
   * @defaultValue 'store'
   */
  readonly name?: string | undefined
}

/** A monitor that is being served, until it is closed. */
export interface Monitor extends AsyncDisposable {
  /** Where it is, without the token. */
  readonly url: string
  readonly port: number
  /** What visitors must have; the page takes it as `url + '#token=' + token`. */
  readonly token: string | undefined
  /** Ends all connections and subscriptions; the store stays open. Idempotent. */
  close(): Promise<void>
}

const TOKEN_LENGTH = 16

/** An address as it is written in a URL. Where it listens everywhere, this machine is where a visitor is sure to find it. */
function urlOf(host: string, port: number): string {
  const everywhere = host === '0.0.0.0' || host === '::'
  const shown = everywhere || isLoopback(host) ? (host === '::1' ? '[::1]' : 'localhost') : host
  return `http://${shown.includes(':') && !shown.startsWith('[') ? `[${shown}]` : shown}:${port}/`
}

class ServedMonitor implements Monitor {
  readonly url: string
  readonly port: number
  readonly token: string | undefined
  readonly #server: Server
  readonly #requests: Requests
  readonly #observer: Observer
  #closed: Promise<void> | undefined

  constructor(
    server: Server,
    host: string,
    token: string | undefined,
    requests: Requests,
    observer: Observer,
  ) {
    this.port = (server.address() as AddressInfo).port
    this.url = urlOf(host, this.port)
    this.token = token
    this.#server = server
    this.#requests = requests
    this.#observer = observer
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#observer.stop()
    this.#requests.close()
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }
}

/**
 * Serves a page that shows a store: throughput, latency and availability over time, the connection's states, the keys, the
 * changes as they happen, and what programs publish with `publishFigures`. It is what `rxkeeper monitor` runs.
 *
 * Resolves when it listens; rejects with what `listen` failed with (`EADDRINUSE`, …), and with `INVALID_ARGUMENT` for a
 * port or token that is none. Everybody who can reach it, and has the token where there is one, can read the store;
 * nobody can write. It speaks HTTP: beyond this machine, put TLS in front of it.
 *
 * @example
 * ```ts
 * import { bytes, memoryStore } from 'rxkeeper'
 * import { serveMonitor } from 'rxkeeper/monitor'
 *
 * await using store = memoryStore({ value: bytes })
 * await using monitor = await serveMonitor(store, { port: 0 })
 * console.log((await fetch(monitor.url)).status) // 200
 * ```
 *
 * @param store the store; give it the codec `bytes`, so that it can show whatever is there
 */
export const serveMonitor = (store: KVStore<Uint8Array>, options: MonitorOptions = {}): Promise<Monitor> =>
  serveWithin(LIMITS, store, options)

/** {@link serveMonitor} within other limits. */
export async function serveWithin(
  limits: Limits,
  store: KVStore<Uint8Array>,
  options: MonitorOptions,
): Promise<Monitor> {
  const { port = 7181, host = '127.0.0.1', allowedHosts = [], prefix = '', name = 'store' } = options
  wholeNumber('port', port, 0, 65_535)
  const token = options.token ?? (isLoopback(host) ? undefined : randomBytes(24).toString('base64url'))
  if (token !== undefined && token.length < TOKEN_LENGTH) {
    throw new KVError('INVALID_ARGUMENT', `\`token\` must have at least ${TOKEN_LENGTH} characters`)
  }
  const access = new Access(token, [host, ...(isLoopback(host) ? [] : [hostname()]), ...allowedHosts])
  const assets = loadAssets()
  const server = createServer({
    headersTimeout: limits.headersTimeout,
    requestTimeout: limits.requestTimeout,
    connectionsCheckingInterval: limits.checkInterval,
  })
  server.maxConnections = limits.connections
  server.setTimeout(limits.silence)
  server.listen(port, host)
  await once(server, 'listening')
  access.listensOn((server.address() as AddressInfo).port)
  const observer = new Observer(store, name, prefix)
  const requests = new Requests(store, access, assets, observer, limits)
  server.on('request', (request, response) => requests.answer(request, response))
  observer.start()
  return new ServedMonitor(server, host, token, requests, observer)
}
