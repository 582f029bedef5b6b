import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('../children/plain.mjs', import.meta.url))

/** A process in which node-zookeeper-client does something fatal. */
export class PlainChild implements Disposable {
  readonly #child: ChildProcess
  /** What it said, line by line. */
  readonly said: string[] = []
  complaint = ''
  /** How it ended: its exit code or signal. */
  ended: number | string | undefined

  constructor(servers: string, what: string) {
    this.#child = spawn(process.execPath, [script, servers, what], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child.stdout!.on('data', chunk => this.said.push(...String(chunk).trim().split('\n')))
    this.#child.stderr!.on('data', chunk => {
      this.complaint += chunk
    })
    this.#child.on('exit', (code, signal) => {
      this.ended = code ?? signal ?? undefined
    })
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL')
  }
}
