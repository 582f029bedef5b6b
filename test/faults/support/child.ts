import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A program of `children/` in a process of its own, killed at the end of its scope. */
export class Child implements Disposable {
  readonly #process: ChildProcess
  readonly #exited: Promise<unknown>
  /** What it printed so far: whole lines only, as it may be killed in the middle of one. */
  readonly lines: string[] = []
  complaint = ''
  ended: number | string | undefined

  constructor(name: string, args: readonly string[]) {
    const file = fileURLToPath(new URL(`../children/${name}`, import.meta.url))
    this.#process = spawn(
      process.execPath,
      ['--import', 'tsx', '--conditions=rxkeeper-source', file, ...args],
      {
        stdio: ['pipe', 'pipe', 'pipe'],
      },
    )
    let rest = ''
    this.#process.stdout!.on('data', chunk => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop()!
      this.lines.push(...lines)
    })
    this.#process.stderr!.on('data', chunk => {
      this.complaint += chunk
    })
    this.#process.stdin!.on('error', () => {})
    this.#exited = once(this.#process, 'close').then(([code, signal]) => {
      this.ended = code ?? signal
    })
  }

  /** Asks it to come to an end, and waits until it has. */
  async finish(): Promise<void> {
    this.#process.stdin!.end()
    await this.#exited
  }

  write(text: string): void {
    this.#process.stdin!.write(text)
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process.kill(name)
  }

  /** Ends it without warning; settles when all that it printed is here. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#exited
  }

  [Symbol.dispose](): void {
    this.#process.kill('SIGKILL')
  }
}
