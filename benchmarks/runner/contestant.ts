import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Order, Report, Round } from './messages.ts'
import type { Outside, Place } from './question.ts'

/** How a contender's process is started. */
export type Command =
  | { readonly script: string }
  | { readonly program: string; readonly args: readonly string[] }

/** The longest that a contender may take for one order, in milliseconds. */
const PATIENCE = 300_000

/** The process of a contender. */
export class Contestant {
  readonly #process: ChildProcess
  readonly #send: (order: Order) => void
  #outside: Outside | undefined
  #settle: ((report: Report | Error) => void) | undefined
  #errors = ''

  constructor(command: Command) {
    if ('script' in command) {
      const child = fork(command.script, {
        execArgv: ['--expose-gc', ...(process.env.RXKEEPER_BENCH_NODE_ARGS?.split(' ') ?? [])],
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      })
      child.on('message', (report: Report) => this.#hear(report))
      this.#process = child
      this.#send = order => void child.send(order)
    } else {
      const child = spawn(command.program, command.args, { stdio: ['pipe', 'pipe', 'pipe'] })
      createInterface({ input: child.stdout }).on('line', line => this.#hear(JSON.parse(line) as Report))
      this.#process = child
      this.#send = order => void child.stdin.write(`${JSON.stringify(order)}\n`)
    }
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString()).slice(-4000)
    })
    this.#process.on('error', error => this.#settle?.(error))
    this.#process.on('exit', code => this.#settle?.(new Error(`ended with ${code}: ${this.#errors}`)))
  }

  async open(work: string, contender: string, place: Place, outside: Outside): Promise<void> {
    this.#outside = outside
    await this.#ask({ do: 'open', work, contender, place })
  }

  async round(milliseconds: number): Promise<Round> {
    const report = await this.#ask({ do: 'round', milliseconds })
    if (report.is !== 'round') throw new Error(`expected a round, got ${report.is}`)
    return report.round
  }

  /** Ends the process; by force where it does not end by itself. */
  async close(): Promise<void> {
    if (this.#process.exitCode === null) {
      try {
        await this.#ask({ do: 'close' }, 5000)
        await once(this.#process, 'exit', { signal: AbortSignal.timeout(5000) })
      } catch {
        // It is ended below.
      }
    }
    this.#process.kill('SIGKILL')
  }

  #ask(order: Order, patience: number = PATIENCE): Promise<Report> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => this.#settle?.(new Error(`no answer in ${patience / 1000} s`)), patience)
      this.#settle = report => {
        this.#settle = undefined
        clearTimeout(late)
        if (report instanceof Error) reject(report)
        else if (report.is === 'failed') reject(new Error(report.reason))
        else resolve(report)
      }
      this.#send(order)
    })
  }

  #hear(report: Report): void {
    if (report.is !== 'write') {
      this.#settle?.(report)
      return
    }
    this.#outside!.write(report.count, report.stamp).then(
      () => this.#send({ do: 'written' }),
      error => this.#settle?.(error as Error),
    )
  }
}
