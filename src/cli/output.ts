import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { ExitCode } from './exit-codes.ts'
import { Stopped } from './stopped.ts'

/** How many characters to buffer before writing. */
const CHUNK = 65_536

/** Writes to a stream in large pieces and with back-pressure, and notices when nobody reads any more. */
export class Output {
  readonly #stream: Writable
  readonly #closed = new AbortController()
  #gathered = ''
  #timer: NodeJS.Immediate | undefined

  constructor(stream: Writable) {
    this.#stream = stream
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // A reader that has read enough is no failure.
      this.#closed.abort(error.code === 'EPIPE' ? new Stopped(ExitCode.ok) : error)
    })
  }

  /** Aborted when the stream has failed, or its reader has gone; the reason says how the command ends. */
  get closed(): AbortSignal {
    return this.#closed.signal
  }

  /** Writes a line; returns a promise to await where the stream is full. Throws when it is closed. */
  line(text: string): Promise<void> | undefined {
    this.#closed.signal.throwIfAborted()
    this.#gathered += `${text}\n`
    if (this.#gathered.length >= CHUNK) return this.#flush()
    this.#timer ??= setImmediate(() => void this.#flush())
    return undefined
  }

  /** Writes bytes verbatim. */
  async bytes(bytes: Uint8Array): Promise<void> {
    await this.#flush()
    if (!this.#closed.signal.aborted && !this.#stream.write(bytes)) await this.#drained()
  }

  /** Writes what is buffered, and closes the stream. */
  async end(): Promise<void> {
    await this.flushed()
    if (!this.#closed.signal.aborted) await new Promise<void>(resolve => this.#stream.end(() => resolve()))
  }

  /** Resolves when everything is written, or nobody reads any more. */
  async flushed(): Promise<void> {
    await this.#flush()
    if (this.#closed.signal.aborted) return
    await new Promise<void>(resolve => this.#stream.write('', () => resolve()))
  }

  #flush(): Promise<void> | undefined {
    clearImmediate(this.#timer)
    this.#timer = undefined
    const text = this.#gathered
    this.#gathered = ''
    if (text === '' || this.#closed.signal.aborted || this.#stream.write(text)) return undefined
    return this.#drained()
  }

  async #drained(): Promise<void> {
    await once(this.#stream, 'drain', { signal: this.#closed.signal }).catch(() => {})
  }
}
