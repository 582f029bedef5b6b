import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../src/testing/ports.ts'
import { ServerProcess } from '../../src/testing/server-process.ts'
import { eventually } from '../../src/testing/waiting.ts'
import { Watchdog } from '../../src/testing/watchdog.ts'
import { install, mayInstall } from './install.ts'
import { answers } from './listening.ts'

const COMMAND = '/usr/sbin/nats-server'

function ensureInstalled(): void {
  if (existsSync(COMMAND)) return
  if (!mayInstall()) throw new Error(`there is no ${COMMAND}; on Debian: sudo apt-get install nats-server`)
  install('nats-server')
}

/** A real NATS server with JetStream and a folder of its own. */
export class NatsServer implements AsyncDisposable {
  readonly #port: number
  readonly #folder: string
  readonly #watchdog: Watchdog
  readonly #options: readonly string[]
  #process: ServerProcess | undefined

  constructor(port: number, options: readonly string[]) {
    this.#port = port
    this.#options = options
    this.#folder = mkdtempSync(join(tmpdir(), 'rxkeeper-nats-'))
    this.#watchdog = new Watchdog(this.#folder)
  }

  /** `host:port`. */
  get address(): string {
    return `127.0.0.1:${this.#port}`
  }

  /** Starts the process; settles when it serves. */
  async start(): Promise<void> {
    const logFile = join(this.#folder, 'server.log')
    const args = ['-js', '-a', '127.0.0.1', '-p', String(this.#port), '-sd', this.#folder, ...this.#options]
    const started = new ServerProcess({ command: COMMAND, args, logFile, watchdog: this.#watchdog })
    this.#process = started
    await eventually(
      async () => {
        if (!started.running) throw new Error(`nats-server ended while starting:\n${started.lastLog()}`)
        return (await answers(this.#port)) || undefined
      },
      () => new Error(`nats-server does not serve:\n${started.lastLog()}`),
      { timeout: 30_000 },
    )
  }

  /** Ends the process without warning (SIGKILL); the data stay. */
  async kill(): Promise<void> {
    await this.#process?.kill()
  }

  /** Ends the process without warning (SIGKILL) and starts it again on the same port and data. */
  async restart(): Promise<void> {
    await this.#process?.kill()
    await this.start()
  }

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

/** Starts one, with more options of its command line. */
export async function startNats(...options: string[]): Promise<NatsServer> {
  ensureInstalled()
  const server = new NatsServer(await freePort(), options)
  await server.start()
  return server
}
