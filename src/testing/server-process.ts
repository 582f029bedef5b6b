import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Watchdog } from './watchdog.ts'

/** How to start a process. */
export interface ProcessOptions {
  readonly command: string
  readonly args: readonly string[]
  /** The file that its output is appended to. */
  readonly logFile: string
  readonly watchdog: Watchdog
}

/** A child process under a watchdog; it does not keep this process alive. */
export class ServerProcess {
  readonly #child: ChildProcess
  readonly #logFile: string
  #stopped = false

  constructor({ command, args, logFile, watchdog }: ProcessOptions) {
    this.#logFile = logFile
    const log = openSync(logFile, 'a')
    // In a process group of its own: Ctrl-C reaches this process only, whose end then ends the child, too.
    this.#child = spawn(command, args, { stdio: ['ignore', log, log], detached: true })
    closeSync(log)
    this.#child.once('error', () => {}) // a command that cannot be run gives a child without pid
    if (this.#child.pid === undefined) throw new Error(`could not run ${command}`)
    watchdog.guard(this.#child.pid)
    this.#child.once('exit', () => watchdog.guard(undefined))
    this.#child.unref()
  }

  get pid(): number {
    return this.#child.pid!
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Whether it is running, and not stopped by SIGSTOP. */
  get responsive(): boolean {
    return this.running && !this.#stopped
  }

  /** The last lines of its output. */
  lastLog(lines = 40): string {
    return readFileSync(this.#logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')
  }

  pause(): void {
    this.#stopped = true
    this.#child.kill('SIGSTOP')
  }

  resume(): void {
    this.#stopped = false
    this.#child.kill('SIGCONT')
  }

  /** Kills it. */
  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  /** Asks it to end, and kills it if it has not ended within five seconds. */
  async stop(): Promise<void> {
    if (this.#stopped) return this.kill()
    const patience = new AbortController()
    const late = sleep(5000, undefined, { signal: patience.signal }).then(
      () => this.kill(),
      () => {},
    )
    await this.#end('SIGTERM')
    patience.abort()
    await late
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (!this.running) return
    this.#child.ref()
    const exit = once(this.#child, 'exit')
    this.#child.kill(signal)
    await exit
  }
}
