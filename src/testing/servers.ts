import { freePort } from './ports.ts'
import { type ServerOptions, ZooKeeperServer } from './server.ts'

/** Options of {@link startZooKeeper}. */
export interface ZooKeeperOptions extends ServerOptions {
  /**
   * The port for clients.
   * @defaultValue a free port
   */
  readonly port?: number | undefined
  /**
   * The folder for its data and log, kept when it is stopped.
   * @defaultValue a temporary folder, removed when it is stopped
   */
  readonly folder?: string | undefined
}

/**
 * Starts a ZooKeeper server on this machine, using {@link findZooKeeper}; resolves when it serves. It does not outlive
 * this process, however it ends.
 *
 * @example
 * ```ts no-run
 * import { startZooKeeper } from 'rxkeeper/testing'
 *
 * await using server = await startZooKeeper()
 * console.log(server.servers) // 127.0.0.1:…
 * await server.kill()
 * await server.restart()
 * ```
 */
export async function startZooKeeper(options: ZooKeeperOptions = {}): Promise<ZooKeeperServer> {
  const port = options.port ?? (await freePort())
  const server = new ZooKeeperServer(options, { port, folder: options.folder })
  try {
    await server.start()
    return server
  } catch (error) {
    await server.stop()
    throw error
  }
}
