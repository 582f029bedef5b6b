import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** How a process is started and what goes with it. */
export interface ProcessOptions {
  readonly command: string
  readonly args: readonly string[]
  /** Where its output is added. */
  readonly logFile: string
  /** A folder to be removed when this process ends without having stopped it. */
  readonly temporary: string | undefined
}

// Waits for a line. The end of input instead means that the process on the other side is gone, however it went
// (exit, SIGINT, SIGKILL): the server and its temporary folder go too.
const WATCHDOG = 'read -r line || { kill -9 "$1"; [ -z "$2" ] || rm -rf "$2"; } 2>/dev/null'

/** A child process that does not outlive this process, and does not keep it alive. */
export class ServerProcess {
  readonly #child: ChildProcess
  readonly #options: ProcessOptions
  #stopped = false

  constructor(options: ProcessOptions) {
    this.#options = options
    const log = openSync(options.logFile, 'a')
    // Each in a process group of its own: Ctrl-C reaches this process only, which then ends, and so they do.
    this.#child = spawn(options.command, options.args, { stdio: ['ignore', log, log], detached: true })
    closeSync(log)
    this.#child.once('error', () => {}) // a command that cannot be run shows as a child without pid
    if (this.#child.pid === undefined) throw new Error(`could not run ${options.command}`)
    const watchdog = spawn(
      '/bin/sh',
      ['-c', WATCHDOG, 'rxkeeper-watchdog', String(this.#child.pid), options.temporary ?? ''],
      { stdio: ['pipe', 'ignore', 'ignore'], detached: true },
    )
    watchdog.stdin.on('error', () => {})
    this.#child.once('exit', () => watchdog.stdin.end('\n'))
    this.#child.unref()
    watchdog.unref()
    ;(watchdog.stdin as unknown as { unref(): void }).unref()
  }

  get pid(): number {
    return this.#child.pid!
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Whether it runs and is not stopped by SIGSTOP. */
  get responsive(): boolean {
    return this.running && !this.#stopped
  }

  /** The end of what it wrote. */
  lastLog(lines = 40): string {
    return readFileSync(this.#options.logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')
  }

  pause(): void {
    this.#stopped = true
    this.#child.kill('SIGSTOP')
  }

  resume(): void {
    this.#stopped = false
    this.#child.kill('SIGCONT')
  }

  /** Ends it without warning. */
  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  /** Asks it to end, and ends it when it does not within five seconds. */
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
