import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { Carrier, FaultSwitch, type Faults } from './carrier.ts'

/** The faults of a {@link FaultProxy}. */
export interface ProxyFaults {
  /**
   * Whether new connections are forwarded, reset, or accepted and never answered.
   * @defaultValue 'forward'
   */
  readonly connect?: 'forward' | 'reset' | 'hang' | undefined
  /** The faults on the way from clients to the server. */
  readonly toServer?: Faults | undefined
  /** The faults on the way from the server to clients. */
  readonly toClient?: Faults | undefined
}

/** A TCP proxy in front of a server, with the faults of a network. */
export class FaultProxy implements AsyncDisposable {
  readonly host: string = '127.0.0.1'
  readonly #server: Server
  readonly #target: { readonly host: string; readonly port: number }
  readonly #toServer = new FaultSwitch()
  readonly #toClient = new FaultSwitch()
  readonly #sockets = new Set<Socket>()
  #connect: 'forward' | 'reset' | 'hang' = 'forward'
  #connections = 0

  constructor(target: string) {
    const [, host, port] = /^(.*):(\d+)$/.exec(target) ?? []
    if (host === undefined) throw new TypeError(`the target of a proxy must be host:port, got ${target}`)
    this.#target = { host, port: Number(port) }
    this.#server = createServer({ allowHalfOpen: true }, client => this.#accept(client))
  }

  /** The port for clients to connect to. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** The connection string: `host:port`. */
  get servers(): string {
    return `${this.host}:${this.port}`
  }

  /** The number of connections accepted so far. */
  get connections(): number {
    return this.#connections
  }

  /** The local ports of its connections to the server, by which the server can tell them from others. */
  get ports(): number[] {
    const toServer = [...this.#sockets].filter(({ remotePort }) => remotePort === this.#target.port)
    return toServer.flatMap(({ localPort }) => localPort ?? [])
  }

  /** Starts to accept clients, at a free port. */
  async listen(): Promise<this> {
    this.#server.listen(0, this.host)
    await once(this.#server, 'listening')
    return this
  }

  /** Replaces the current faults by these; by none without an argument. */
  set(faults: ProxyFaults = {}): void {
    this.#connect = faults.connect ?? 'forward'
    this.#toServer.set(faults.toServer ?? {})
    this.#toClient.set(faults.toClient ?? {})
  }

  /** Resets all open connections; new ones are accepted. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  /** Resets all open connections and accepts no more. Idempotent. */
  async stop(): Promise<void> {
    this.set()
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.reset()
    await closed
  }

  /** As {@link stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #accept(client: Socket): void {
    this.#connections++
    this.#hold(client)
    if (this.#connect === 'reset') {
      client.resetAndDestroy()
    } else if (this.#connect === 'forward') {
      const server = connect({ ...this.#target, allowHalfOpen: true })
      this.#hold(server)
      new Carrier(client, server, this.#toServer)
      new Carrier(server, client, this.#toClient)
      server.once('close', failed => failed && client.resetAndDestroy())
      client.once('close', failed => failed && server.resetAndDestroy())
    }
  }

  #hold(socket: Socket): void {
    this.#sockets.add(socket)
    socket.setNoDelay()
    socket.on('error', () => {}) // 'close' follows and handles it
    socket.once('close', () => this.#sockets.delete(socket))
  }
}

/**
 * Starts a TCP proxy in front of `target` (`host:port`) with the faults of a network: cut both ways or one way, delay,
 * throttle, reset now or in the middle of a reply, accept and never answer.
 *
 * @example
 * ```ts no-run
 * import { startProxy, startZooKeeper } from 'rxkeeper/testing'
 *
 * await using server = await startZooKeeper()
 * await using proxy = await startProxy(server.servers)
 * proxy.set({ toClient: { cut: true } }) // clients of proxy.servers hear nothing any more
 * proxy.set({ toClient: { delay: 100 }, toServer: { bytesPerSecond: 10_000 } })
 * proxy.set({ toClient: { resetAfter: 500_000 } })
 * proxy.set({ connect: 'hang' })
 * proxy.set() // all is well again
 * proxy.reset()
 * ```
 */
export const startProxy = (target: string): Promise<FaultProxy> => new FaultProxy(target).listen()
