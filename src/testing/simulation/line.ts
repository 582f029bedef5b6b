import type { Transport } from '../../engines/zookeeper/session/surroundings.ts'
import { type Party, Rank } from './clock.ts'
import { Flow } from './flow.ts'
import type { Host, Network } from './network.ts'

/** The server's end of a line. */
export interface ServerEnd {
  write(bytes: Buffer): void
  /** Closes once everything has arrived. */
  close(): void
  /** Closes at once; data in flight are lost. */
  reset(): void
}

/** A server's handler of a line. */
export interface Receiver {
  data(chunk: Buffer): void
  closed(): void
}

/** How many bytes a client may have in flight before `write` asks it to wait. */
const HIGH_WATER = 16_384

type Listener = (argument?: Buffer | Error) => void

/** One TCP connection between a client and a server; this object is the client's end. */
export class Line implements Transport {
  readonly client: Party
  readonly host: Host | undefined
  readonly #network: Network
  readonly #gone: () => void
  readonly #listeners = new Map<string, Listener>()
  readonly #toServer: Flow
  readonly #toClient: Flow
  #receiver: Receiver | undefined
  /** Whether the client's end is closed, and `close` was emitted. */
  closed = false
  #destroyed = false
  #full = false

  constructor(network: Network, client: Party, host: Host | undefined, gone: () => void) {
    this.#network = network
    this.client = client
    this.host = host
    this.#gone = gone
    this.#toServer = new Flow(network, this, host?.party ?? client, {
      data: chunk => this.#receiver?.data(chunk),
      end: () => this.#leave(),
    })
    this.#toClient = new Flow(network, this, client, {
      data: chunk => this.#emit('data', chunk),
      end: () => this.#close(),
    })
    this.#connect()
  }

  on(event: string, listener: (argument: never) => void): this {
    this.#listeners.set(event, listener as Listener)
    return this
  }

  write(bytes: Uint8Array): boolean {
    if (this.#destroyed) return false
    this.#toServer.send(Buffer.from(bytes))
    if (this.#toServer.bytes < HIGH_WATER) return true
    this.#full = true
    return false
  }

  destroy(): void {
    if (this.#destroyed) return
    this.#destroyed = true
    this.#toClient.drop()
    this.#toServer.end()
    this.client.after(0, () => this.#close(), Rank.arrival)
  }

  /** The client is gone. */
  abandon(): void {
    this.#destroyed = true
    this.closed = true
    this.#toClient.drop()
    this.#toServer.end()
  }

  /** Breaks the line: both ends notice, data in flight are lost. */
  reset(): void {
    this.#toServer.drop()
    this.#toClient.drop()
    const { host } = this
    if (host !== undefined)
      host.party.after(this.#network.pace(this.client, host).latency, () => this.#leave())
    this.#fail('read ECONNRESET')
  }

  /** More can be written. */
  arrived(): void {
    if (!this.#full || this.#toServer.bytes > 0) return
    this.#full = false
    this.client.after(0, () => this.#emit('drain'), Rank.arrival)
  }

  #connect(): void {
    const { client, host } = this
    const network = this.#network
    const { latency, stalledUntil } = network.pace(client, host)
    const wait = Math.max(latency, stalledUntil - network.clock.now + latency)
    client.after(
      wait,
      () => {
        if (this.#destroyed) return
        if (network.pace(client, host).stalledUntil > network.clock.now) this.#connect()
        else if (host?.listening) {
          this.#receiver = host.accept({
            write: bytes => this.#toClient.send(bytes),
            close: () => this.#toClient.end(),
            reset: () => this.reset(),
          })
          this.#emit('connect')
        } else this.#fail('connect ECONNREFUSED')
      },
      Rank.arrival,
    )
  }

  #fail(message: string): void {
    if (this.#destroyed) return
    this.#destroyed = true
    this.client.after(
      0.1,
      () => {
        if (this.closed) return
        this.#emit('error', new Error(message))
        this.#close()
      },
      Rank.arrival,
    )
  }

  /** The server's end is closed. */
  #leave(): void {
    const receiver = this.#receiver
    this.#receiver = undefined
    this.#gone()
    receiver?.closed()
  }

  /** The client's end is closed. */
  #close(): void {
    if (this.closed) return
    this.closed = true
    if (!this.#destroyed) {
      this.#destroyed = true
      this.#toServer.end()
    }
    if (this.#receiver === undefined) this.#gone()
    this.#emit('close')
  }

  #emit(event: string, argument?: Buffer | Error): void {
    if (event === 'data' && this.#destroyed) return
    this.#listeners.get(event)?.(argument)
  }
}
