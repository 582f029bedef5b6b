import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Watchdog } from '../../src/testing/watchdog.ts'
import { install, mayInstall } from './install.ts'

const COMMAND = '/usr/bin/kcat'
const BROKERS = /bootstrap\.servers=([\d.:,]+)/

function ensureInstalled(): void {
  if (existsSync(COMMAND)) return
  if (!mayInstall()) throw new Error(`there is no ${COMMAND}; on Debian: sudo apt-get install kcat`)
  install('kcat')
}

/** librdkafka's mock of a cluster of three brokers, in a kcat that waits for input; what it holds is in its memory. */
export class KafkaMock implements AsyncDisposable {
  /** The addresses of the brokers, `host:port`. */
  readonly brokers: readonly string[]
  readonly #child: ChildProcess
  readonly #watchdog: Watchdog

  constructor(brokers: readonly string[], child: ChildProcess, watchdog: Watchdog) {
    this.brokers = brokers
    this.#child = child
    this.#watchdog = watchdog
  }

  pause(): void {
    this.#child.kill('SIGSTOP')
  }

  resume(): void {
    this.#child.kill('SIGCONT')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
    await this.#watchdog.end()
  }
}

/** Starts one; a topic is made, with four partitions, when it is first asked for. */
export async function startKafkaMock(): Promise<KafkaMock> {
  ensureInstalled()
  const watchdog = new Watchdog(undefined)
  const args = ['-P', '-b', 'none', '-t', 'none', '-X', 'test.mock.num.brokers=3', '-X', 'debug=mock']
  const child = spawn(COMMAND, args, { stdio: ['pipe', 'ignore', 'pipe'], detached: true })
  child.once('error', () => {}) // shows as a child without pid
  if (child.pid === undefined) throw new Error(`could not run ${COMMAND}`)
  watchdog.guard(child.pid)
  const said: string[] = []
  const lines = createInterface(child.stderr!)
  const brokers = await new Promise<string>((resolve, reject) => {
    lines.on('line', line => {
      const [, addresses] = BROKERS.exec(line) ?? []
      if (addresses !== undefined) resolve(addresses)
      else if (said.length < 40) said.push(line)
    })
    child.once('exit', () => reject(new Error(`kcat ended while starting:\n${said.join('\n')}`)))
  })
  return new KafkaMock(brokers.split(','), child, watchdog)
}
