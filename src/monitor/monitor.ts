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
   * The port; 0 for any free one.
   * @defaultValue 7181
   */
  readonly port?: number | undefined
  /**
   * The name or address to listen on. Anything but loopback needs a token.
   * @defaultValue '127.0.0.1'
   */
  readonly host?: string | undefined
  /**
   * The token that visitors need, at least 16 characters.
   * @defaultValue none on loopback, else a random one
   */
  readonly token?: string | undefined
  /**
   * Host names under which visitors may address the monitor, besides `localhost`, `host` and IP addresses.
   * @defaultValue none
   */
  readonly allowedHosts?: readonly string[] | undefined
  /**
   * Only keys with this prefix are watched, and listed at first.
   * @defaultValue '' (all)
   */
  readonly prefix?: string | undefined
  /**
   * The name of the store on the page.
   * @defaultValue 'store'
   */
  readonly name?: string | undefined
}

/** A monitor that is being served, until it is closed. */
export interface Monitor extends AsyncDisposable {
  /** Its URL, without the token. */
  readonly url: string
  readonly port: number
  /** The token that visitors need; the page takes it as `url + '#token=' + token`. */
  readonly token: string | undefined
  /** Ends all connections and subscriptions; the store stays open. Idempotent. */
  close(): Promise<void>
}

const TOKEN_LENGTH = 16

/** An address in a URL. If it listens on all addresses, loopback is one that surely works. */
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
 * Serves a page that shows a store: throughput, latency and availability over time, connection states, keys, changes as
 * they happen, and the figures that programs publish with `publishFigures`. `rxkeeper monitor` runs this.
 *
 * Resolves when it listens; rejects with the error of `listen` (`EADDRINUSE`, …), and with `INVALID_ARGUMENT` for an
 * invalid port or token. Everybody who can reach it, and has the token if there is one, can read the store; nobody can
 * write. It speaks HTTP: put TLS in front of it before other machines use it.
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
 * @param store the store; give it the codec `bytes`, so that it can show any value
 */
export const serveMonitor = (store: KVStore<Uint8Array>, options: MonitorOptions = {}): Promise<Monitor> =>
  serveWithin(LIMITS, store, options)

/** {@link serveMonitor} with other limits. */
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
