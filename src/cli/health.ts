import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { InvalidArgumentError } from 'commander'
import { healthHandler } from '../health.ts'
import { explainListen } from './listen.ts'
import type { AnyJob } from './load-module.ts'

/** Where to listen. */
export interface HealthAddress {
  readonly host: string
  readonly port: number
}

/** Reads `--health`. */
export function healthAddressFrom(text: string): HealthAddress {
  const [, host = '127.0.0.1', digits] = /^(?:\[?([^\]]+?)\]?:)?(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === undefined || port > 65_535)
    throw new InvalidArgumentError('It must be a port, or HOST:PORT.')
  return { host, port }
}

/** Serves the health of a job over HTTP. */
export class HealthServer {
  readonly url: string
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    const { address, family, port } = server.address() as AddressInfo
    this.url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/`
  }

  /** Starts to listen; requests are answered once there is a run. */
  static async listen({ host, port }: HealthAddress): Promise<HealthServer> {
    const server = createServer({
      headersTimeout: 5_000,
      requestTimeout: 5_000,
      connectionsCheckingInterval: 1_000,
    })
    // So that clients cannot use up the file descriptors of the job.
    server.maxConnections = 64
    server.setTimeout(10_000)
    server.listen(port, host)
    await once(server, 'listening').catch(explainListen('--health'))
    return new HealthServer(server)
  }

  follow(job: ReturnType<AnyJob['run']>): void {
    const handler = healthHandler({ job })
    this.#server.on('request', handler).on('close', handler.close)
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }
}
