import { type ChildProcess, spawn } from 'node:child_process'

// Each line is the id of the process to guard from now on, or nothing. The end of its input means that the process on
// the other side is gone, however it went (exit, SIGINT, SIGKILL), or is done: what is guarded goes too.
const SCRIPT = `
while read -r line; do pid=$line; done
[ -z "$pid" ] || kill -9 "$pid"
[ -z "$1" ] || rm -rf "$1"
`

/** Makes sure that child processes and temporary folders do not outlive this process; does not keep it alive. */
export class Watchdog {
  readonly #child: ChildProcess

  constructor(temporary: string | undefined) {
    // In a process group of its own, so that Ctrl-C does not end it first.
    this.#child = spawn('/bin/sh', ['-c', SCRIPT, 'rxkeeper-watchdog', temporary ?? ''], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    })
    this.#child.stdin?.on('error', () => {})
    this.#child.unref()
    ;(this.#child.stdin as unknown as { unref(): void }).unref()
  }

  /** Guards this process from now on. */
  guard(pid: number | undefined): void {
    this.#child.stdin?.write(`${pid ?? ''}\n`)
  }

  /** Ends everything that is guarded; resolves when that is done. */
  end(): Promise<void> {
    return new Promise(resolve => {
      if (this.#child.exitCode !== null) return resolve()
      this.#child.ref()
      this.#child.once('exit', () => resolve())
      this.#child.stdin?.end()
    })
  }
}
