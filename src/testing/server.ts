import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CertificateAuthority, type Identity } from './authority.ts'
import { endSession, sessionsOf } from './expire-session.ts'
import { fourLetterWord, type ServerMode, serverMode } from './four-letter.ts'
import { findZooKeeper } from './installation.ts'
import type { FaultProxy } from './proxy.ts'
import { type ServerPlace, writeConfig } from './server-config.ts'
import { ServerProcess } from './server-process.ts'
import { eventually } from './waiting.ts'
import { Watchdog } from './watchdog.ts'

/** Options of {@link startZooKeeper} and {@link startEnsemble}. */
export interface ServerOptions {
  /**
   * ZooKeeper's unit of time, in milliseconds; session timeouts are from 2 to 20 ticks.
   * @defaultValue 500
   */
  readonly tickTime?: number | undefined
  /**
   * Refuse writes beyond a quota, rather than only logging them.
   * @defaultValue false
   */
  readonly enforceQuota?: boolean | undefined
  /**
   * Take TLS only, from clients with a certificate of the same authority: one of its own, or this one.
   * @defaultValue false
   */
  readonly tls?: boolean | CertificateAuthority | undefined
  /** The users who may authenticate with SASL DIGEST-MD5, and their passwords: `{ alice: 'secret' }`. */
  readonly saslUsers?: Readonly<Record<string, string>> | undefined
  /** Java system properties, for instance `{ 'jute.maxbuffer': '2097152' }`. */
  readonly systemProperties?: Readonly<Record<string, string>> | undefined
  /**
   * Arguments of the Java virtual machine.
   * @defaultValue ['-Xmx512m']
   */
  readonly jvmArgs?: readonly string[] | undefined
  /** More lines of `zoo.cfg`, for instance `{ maxSessionTimeout: 60000 }`. */
  readonly config?: Readonly<Record<string, string | number>> | undefined
  /**
   * How long a start may take, in milliseconds.
   * @defaultValue 60000
   */
  readonly startTimeout?: number | undefined
}

/** A running ZooKeeper server. */
export class ZooKeeperServer implements AsyncDisposable {
  readonly host: string = '127.0.0.1'
  readonly port: number
  /** The authority that issues the certificates, where it takes TLS only. */
  readonly authority: CertificateAuthority | undefined
  /** The identity of a client named `client`, for a store's option `tls`, where it takes TLS only. */
  readonly tls: Identity | undefined
  readonly #options: ServerOptions
  readonly #folder: string
  readonly #watchdog: Watchdog
  #process: ServerProcess | undefined
  #running: Promise<void> = Promise.resolve()

  /** @internal */
  constructor(options: ServerOptions, place: ServerPlace) {
    this.port = place.port
    this.#options = options
    this.authority = options.tls === true ? new CertificateAuthority() : options.tls || undefined
    this.tls = this.authority?.issue('client')
    this.#folder = place.folder ?? mkdtempSync(join(tmpdir(), 'rxkeeper-zookeeper-'))
    this.#watchdog = new Watchdog(place.folder === undefined ? this.#folder : undefined)
    writeConfig(this.#folder, options, place, this.authority)
  }

  /** The connection string: `host:port`. */
  get servers(): string {
    return `${this.host}:${this.port}`
  }

  /** The process id, `undefined` while it is not running. */
  get pid(): number | undefined {
    return this.#process?.running ? this.#process.pid : undefined
  }

  /** Starts the process; resolves when the server serves clients. */
  start(): Promise<void> {
    const { java, classPath } = findZooKeeper()
    const properties = {
      'org.slf4j.simpleLogger.showDateTime': 'true',
      'java.security.auth.login.config': join(this.#folder, 'jaas.conf'),
      ...(this.#options.enforceQuota ? { 'zookeeper.enforceQuota': 'true' } : {}),
      ...this.#options.systemProperties,
    }
    this.#process = new ServerProcess({
      command: java,
      args: [
        ...(this.#options.jvmArgs ?? ['-Xmx512m']),
        ...Object.entries(properties).map(([name, value]) => `-D${name}=${value}`),
        '-cp',
        classPath,
        'org.apache.zookeeper.server.quorum.QuorumPeerMain',
        join(this.#folder, 'zoo.cfg'),
      ],
      logFile: join(this.#folder, 'server.log'),
      watchdog: this.#watchdog,
    })
    this.#running = this.#serving(this.#process)
    return this.#running
  }

  async #serving(started: ServerProcess): Promise<void> {
    const timeout = this.#options.startTimeout ?? 60_000
    const failed = (what: string): Error =>
      new Error(`the ZooKeeper server at ${this.servers} ${what}; its log ends with:\n${started.lastLog()}`)
    await eventually(
      () => {
        if (!started.running) throw failed('ended while starting')
        return this.#ownMode()
      },
      () => failed(`does not serve after ${timeout} ms`),
      { timeout },
    )
  }

  /** The mode of the server that answers, if it is this one, and not another that had the port before. */
  async #ownMode(): Promise<ServerMode | undefined> {
    const mode = await serverMode(this)
    if (mode === undefined) return undefined
    const config = await fourLetterWord(this, 'conf').catch(() => '')
    return config.includes(`dataDir=${join(this.#folder, 'data')}`) ? mode : undefined
  }

  /** `standalone`, `leader`, `follower`, or `undefined` while it serves nobody. */
  async mode(): Promise<ServerMode | undefined> {
    return this.#process?.responsive ? serverMode(this) : undefined
  }

  /** The answer to one of ZooKeeper's four-letter words, for instance `mntr`. */
  fourLetterWord(word: string): Promise<string> {
    return fourLetterWord(this, word)
  }

  /** The ids of the sessions connected to this server; with `proxy`, only those through it. */
  sessions(proxy?: FaultProxy): Promise<bigint[]> {
    return sessionsOf(this, proxy?.ports)
  }

  /**
   * Ends a session as its expiry would: its ephemeral nodes are deleted, its client is cut off and learns `expired`
   * when it reconnects. Resolves with whether the session existed.
   */
  expireSession(sessionId: bigint): Promise<boolean> {
    return endSession(this, sessionId)
  }

  /** Freezes the process (SIGSTOP): connections stay open, but nothing is answered. */
  pause(): void {
    this.#process?.pause()
  }

  /** Ends a {@link pause} (SIGCONT). */
  resume(): void {
    this.#process?.resume()
  }

  /** Kills the process (SIGKILL); its data stay for {@link restart}. */
  async kill(): Promise<void> {
    await this.#process?.kill()
  }

  /**
   * Starts the server again on the same port and data, killing it first if it still runs; resolves when it serves. A
   * member of an ensemble serves only with a majority: restart several at a time with `Promise.all`.
   */
  async restart(): Promise<void> {
    await this.#process?.stop()
    await this.start()
  }

  /** Ends the process and removes the temporary folder. Idempotent. */
  async stop(): Promise<void> {
    await this.#process?.stop()
    await this.#running.catch(() => {})
    await this.#watchdog.end()
  }

  /** As {@link stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}
