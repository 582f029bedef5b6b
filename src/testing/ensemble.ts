import { randomBytes } from 'node:crypto'
import { CertificateAuthority, type Identity } from './authority.ts'
import { freePort } from './ports.ts'
import { reconfigure, superUser } from './reconfigure.ts'
import { type ServerOptions, ZooKeeperServer } from './server.ts'
import { eventually } from './waiting.ts'

/** Options of {@link startEnsemble}. */
export interface EnsembleOptions extends ServerOptions {
  /**
   * Whether members can come and go ({@link ZooKeeperEnsemble.add}, {@link ZooKeeperEnsemble.remove}). With `tls` it then takes
   * clients without TLS, too: an ensemble tells its clients of one port only.
   * @defaultValue false
   */
  readonly dynamic?: boolean | undefined
}

interface Member {
  readonly id: number
  /** `server.1=host:port:port`, and where clients connect to. */
  readonly line: string
  readonly server: ZooKeeperServer
}

/** Running ZooKeeper servers that form one ensemble. */
export class ZooKeeperEnsemble implements AsyncDisposable {
  readonly #options: EnsembleOptions
  readonly #superPassword = randomBytes(9).toString('hex')
  #members: Member[] = []
  #lastId = 0

  /** @internal */
  constructor(options: EnsembleOptions) {
    const tls = options.tls === true ? new CertificateAuthority() : options.tls
    const systemProperties = { ...superUser(this.#superPassword), ...options.systemProperties }
    this.#options = {
      ...options,
      tls,
      systemProperties: options.dynamic ? systemProperties : options.systemProperties,
    }
  }

  /** The members, in the order in which they came. */
  get members(): readonly ZooKeeperServer[] {
    return this.#members.map(({ server }) => server)
  }

  /** @internal */
  async start(size: number): Promise<void> {
    const places = []
    for (let i = 0; i < size; i++) places.push(await this.#place())
    const members = places.map(({ line }) => line)
    this.#members = places.map(place => ({ ...place, server: this.#server(place, members) }))
    await Promise.all(this.members.map(member => member.start()))
  }

  /** Starts another server and makes it a member; settles when it is one. Only where the ensemble is `dynamic`. */
  async add(): Promise<ZooKeeperServer> {
    this.#checkDynamic()
    const place = await this.#place()
    const { line } = place
    const server = this.#server(place, [...this.#members.map(member => member.line), line])
    try {
      await server.start()
      await reconfigure(await this.leader(), this.#superPassword, { joining: line })
    } catch (error) {
      await server.stop()
      throw error
    }
    this.#members.push({ ...place, server })
    return server
  }

  /** Takes a member out of the ensemble and stops it. Only where the ensemble is `dynamic`. */
  async remove(server: ZooKeeperServer): Promise<void> {
    this.#checkDynamic()
    const member = this.#members.find(each => each.server === server)
    if (member === undefined)
      throw new Error(`${server.servers} is no member of the ensemble ${this.servers}`)
    await reconfigure(await this.leader(), this.#superPassword, { leaving: String(member.id) })
    this.#members = this.#members.filter(each => each !== member)
    await server.stop()
  }

  async #place(): Promise<{ id: number; port: number; line: string }> {
    const id = ++this.#lastId
    const port = await freePort()
    const peers = `server.${id}=127.0.0.1:${await freePort()}:${await freePort()}`
    return { id, port, line: this.#options.dynamic ? `${peers};127.0.0.1:${port}` : peers }
  }

  #server({ id, port }: { id: number; port: number }, members: readonly string[]): ZooKeeperServer {
    const { dynamic } = this.#options
    return new ZooKeeperServer(this.#options, { port, folder: undefined, id, members, dynamic })
  }

  #checkDynamic(): void {
    if (!this.#options.dynamic) throw new Error('members come and go only where the ensemble is `dynamic`')
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
export async function startEnsemble(size: number, options: EnsembleOptions = {}): Promise<ZooKeeperEnsemble> {
  const ensemble = new ZooKeeperEnsemble(options)
  try {
    await ensemble.start(size)
    return ensemble
  } catch (error) {
    await ensemble.stop()
    throw error
  }
}
