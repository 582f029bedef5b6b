import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** A program of this folder in a process of its own; killed when the test is over. */
export class Program {
  readonly process: ChildProcess
  readonly ended: Promise<unknown>
  /** What it printed so far, line by line; whole lines only. */
  readonly lines: string[] = []
  errors = ''
  readonly #output: Interface

  constructor(name: string, args: string[], before: string[] = []) {
    const file = fileURLToPath(new URL(name, import.meta.url))
    const [command, ...rest] = [
      ...before,
      process.execPath,
      '--import',
      'tsx',
      '--conditions=rxkeeper-source',
      file,
      ...args,
    ]
    this.process = spawn(command!, rest, { stdio: ['pipe', 'pipe', 'pipe'] })
    this.ended = once(this.process, 'close')
    this.process.stderr!.setEncoding('utf8').on('data', text => {
      this.errors += text
    })
    this.#output = createInterface({ input: this.process.stdout! })
    this.#output.on('line', line => this.lines.push(line))
    onTestFinished(() => void this.process.kill('SIGKILL'))
  }

  /** Waits for a line that is `wanted`; fails when the program ends without. */
  async line(wanted: (line: string) => boolean): Promise<void> {
    while (!this.lines.some(wanted)) {
      const ended = await Promise.race([once(this.#output, 'line'), this.ended.then(() => undefined)])
      if (ended === undefined && !this.lines.some(wanted)) throw new Error(`ended: ${this.errors}`)
    }
  }
}
