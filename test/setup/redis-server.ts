import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../src/testing/ports.ts'
import { ServerProcess } from '../../src/testing/server-process.ts'
import { eventually } from '../../src/testing/waiting.ts'
import { Watchdog } from '../../src/testing/watchdog.ts'
import { install, mayInstall } from './install.ts'
import { answers } from './listening.ts'

const COMMAND = '/usr/bin/redis-server'

function ensureInstalled(): void {
  if (existsSync(COMMAND)) return
  if (!mayInstall()) throw new Error(`there is no ${COMMAND}; on Debian: sudo apt-get install redis-server`)
  install('redis-server')
}

/** A real Redis server with a folder of its own.*/
export class RedisServer implements AsyncDisposable {
  readonly #port: number
  readonly #options: readonly string[]
  readonly #folder: string
  readonly #watchdog: Watchdog
  #process: ServerProcess | undefined

  constructor(port: number, options: readonly string[]) {
    this.#port = port
    this.#options = options
    this.#folder = mkdtempSync(join(tmpdir(), 'rxkeeper-redis-'))
    this.#watchdog = new Watchdog(this.#folder)
  }

  /** `host:port`. */
  get address(): string {
    return `127.0.0.1:${this.#port}`
  }

  get url(): string {
    return `redis://${this.address}`
  }

  /** Starts the process; settles when it serves. */
  async start(): Promise<void> {
    const started = new ServerProcess({
      command: COMMAND,
      args: [
        ...['--port', `${this.#port}`, '--bind', '127.0.0.1', '--dir', this.#folder, '--save', ''],
        ...['--appendonly', 'yes', '--appendfsync', 'no', ...this.#options],
      ],
      logFile: join(this.#folder, 'server.log'),
      watchdog: this.#watchdog,
    })
    this.#process = started
    await eventually(
      async () => {
        if (!started.running) throw new Error(`redis-server ended while starting:\n${started.lastLog()}`)
        return (await answers(this.#port)) || undefined
      },
      () => new Error(`redis-server does not serve:\n${started.lastLog()}`),
      { timeout: 30_000 },
    )
  }

  /** Ends the process without warning (SIGKILL). */
  async kill(): Promise<void> {
    await this.#process?.kill()
  }

  /** Kills it and starts it again on the same port and data. */
  async restart(): Promise<void> {
    await this.kill()
    await this.start()
  }

  /** Freezes the process (SIGSTOP). */
  pause(): void {
    this.#process?.pause()
  }

  resume(): void {
    this.#process?.resume()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.stop()
    await this.#watchdog.end()
  }
}

export async function startRedis(...options: string[]): Promise<RedisServer> {
  ensureInstalled()
  const server = new RedisServer(await freePort(), options)
  await server.start()
  return server
}
