import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

/** Debian's own Python, which has Debian's packages. */
const PYTHON = '/usr/bin/python3'
const PROGRAM = fileURLToPath(new URL('./kazoo_lines.py', import.meta.url))

export const hasKazoo = (): boolean => spawnSync(PYTHON, ['-c', 'import kazoo']).status === 0

/** An independent ZooKeeper client: Kazoo, in a process of its own. */
export class Kazoo implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #answers: AsyncIterator<string>

  constructor(servers: string) {
    if (!hasKazoo()) {
      throw new Error(
        'Kazoo is not installed (on Debian: apt-get install -y --no-install-recommends python3-kazoo)',
      )
    }
    this.#child = spawn(PYTHON, [PROGRAM, servers], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  async get(path: string): Promise<{ value: string; version: number }> {
    const { value, version } = (await this.#ask({ action: 'get', path })) as {
      value: string
      version: number
    }
    return { value: Buffer.from(value, 'base64').toString(), version }
  }

  create(path: string, value: string): Promise<unknown> {
    return this.#ask({ action: 'create', path, value: Buffer.from(value).toString('base64') })
  }

  /** Gives the version after it. */
  set(path: string, value: string, version = -1): Promise<unknown> {
    return this.#ask({ action: 'set', path, value: Buffer.from(value).toString('base64'), version })
  }

  delete(path: string): Promise<unknown> {
    return this.#ask({ action: 'delete', path })
  }

  children(path: string): Promise<string[]> {
    return this.#ask({ action: 'children', path }) as Promise<string[]>
  }

  async #ask(command: object): Promise<unknown> {
    this.#child.stdin.write(`${JSON.stringify(command)}\n`)
    const { value: line, done } = await this.#answers.next()
    if (done) throw new Error('Kazoo ended')
    const { result, error } = JSON.parse(line) as { result?: unknown; error?: string }
    if (error !== undefined) throw new Error(error)
    return result
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return
    const exit = new Promise(resolve => this.#child.once('exit', resolve))
    this.#child.stdin.end()
    await exit
  }
}
