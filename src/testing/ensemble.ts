import { CertificateAuthority, type Identity } from './authority.ts'
import { freePort } from './ports.ts'
import { type ServerOptions, ZooKeeperServer } from './server.ts'
import { eventually } from './waiting.ts'

/** Running ZooKeeper servers that form one ensemble. */
export class ZooKeeperEnsemble implements AsyncDisposable {
  readonly members: readonly ZooKeeperServer[]

  constructor(members: readonly ZooKeeperServer[]) {
    this.members = members
  }

  /** The connection string of all members: `host:port,host:port,…`. */
  get servers(): string {
    return this.members.map(member => member.servers).join(',')
  }

  /** The authority that issues the certificates, where it takes TLS only. */
  get authority(): CertificateAuthority | undefined {
    return this.members[0]?.authority
  }

  /** The identity of a client named `client`, for a store's option `tls`, where it takes TLS only. */
  get tls(): Identity | undefined {
    return this.members[0]?.tls
  }

  /** The member that leads now; waits up to `timeout` milliseconds for an election to end. */
  leader(timeout = 30_000): Promise<ZooKeeperServer> {
    return eventually(
      async () => (await this.#inMode('leader'))[0],
      () => new Error(`the ensemble ${this.servers} has no leader after ${timeout} ms`),
      { timeout },
    )
  }

  /** The members that follow the leader now. */
  async followers(): Promise<ZooKeeperServer[]> {
    await this.leader()
    return this.#inMode('follower')
  }

  async #inMode(mode: 'leader' | 'follower'): Promise<ZooKeeperServer[]> {
    const modes = await Promise.all(this.members.map(member => member.mode()))
    return this.members.filter((_, i) => modes[i] === mode)
  }

  /** As {@link ZooKeeperServer.expireSession}, through the leader. */
  async expireSession(sessionId: bigint): Promise<boolean> {
    const leader = await this.leader()
    return leader.expireSession(sessionId)
  }

  /** Stops all members. Idempotent. */
  async stop(): Promise<void> {
    await Promise.all(this.members.map(member => member.stop()))
  }

  /** As {@link stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

/**
 * Starts an ensemble of `size` ZooKeeper servers on this machine; resolves when all of them serve. They do not outlive
 * this process, however it ends.
 *
 * @example
 * ```ts no-run
 * import { startEnsemble } from 'rxkeeper/testing'
 *
 * await using ensemble = await startEnsemble(3)
 * const leader = await ensemble.leader()
 * await leader.kill()
 * console.log((await ensemble.leader()).servers) // another one
 * ```
 */
export async function startEnsemble(size: number, options: ServerOptions = {}): Promise<ZooKeeperEnsemble> {
  const ids = Array.from({ length: size }, (_, i) => i + 1)
  const config: Record<string, string> = {}
  for (const id of ids) config[`server.${id}`] = `127.0.0.1:${await freePort()}:${await freePort()}`
  const members: ZooKeeperServer[] = []
  const tls = options.tls === true ? new CertificateAuthority() : options.tls
  for (const id of ids) {
    members.push(
      new ZooKeeperServer({ ...options, tls }, { port: await freePort(), folder: undefined, id, config }),
    )
  }
  const ensemble = new ZooKeeperEnsemble(members)
  try {
    await Promise.all(members.map(member => member.start()))
    return ensemble
  } catch (error) {
    await ensemble.stop()
    throw error
  }
}
