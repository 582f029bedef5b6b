import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { showStoreUrl } from '../index.ts'
import { CliError, ExitCode } from './exit-codes.ts'
import type { Start } from './lines.ts'

interface FileState {
  readonly size: number
  readonly changed: number
}

/** The state of a file, which changes when it is written to. */
export function statOf(file: string): FileState {
  try {
    const { size, mtimeMs } = statSync(file)
    return { size, changed: mtimeMs }
  } catch (error) {
    throw new CliError(`cannot read ${file}: ${(error as Error).message}`, ExitCode.usage)
  }
}

/** How often to write the bookmark, in milliseconds. Entries loaded after it are loaded again, with the same effect. */
const BOOKMARK_INTERVAL = 250

/** Records how far a file was loaded, in a file beside it. */
export class Bookmark {
  readonly start: Start
  readonly #path: string
  readonly #file: FileState
  readonly #store: string
  #writtenAt = 0

  constructor(file: string, store: string | undefined) {
    if (file === '-') throw new CliError('stdin cannot be resumed', ExitCode.usage)
    this.#path = `${file}.resume`
    this.#file = statOf(file)
    this.#store = showStoreUrl(store ?? process.env.RXKEEPER_STORE ?? '')
    this.start = this.#read()
  }

  keep({ number, end }: Start, now = false): void {
    if (!now && Date.now() - this.#writtenAt < BOOKMARK_INTERVAL) return
    this.#writtenAt = Date.now()
    writeFileSync(`${this.#path}.new`, JSON.stringify({ number, end, ...this.#file, store: this.#store }))
    renameSync(`${this.#path}.new`, this.#path)
  }

  remove(): void {
    rmSync(this.#path, { force: true })
  }

  #read(): Start {
    let content: string
    try {
      content = readFileSync(this.#path, 'utf8')
    } catch {
      return { number: 0, end: 0 }
    }
    const { number, end, size, changed, store } = JSON.parse(content) as Start & FileState & { store: string }
    if (store === this.#store && size === this.#file.size && changed === this.#file.changed)
      return { number, end }
    const other = store === this.#store ? 'when the file was another' : 'into another store'
    throw new CliError(`${this.#path} is of a load ${other}; remove it to load from the beginning`)
  }
}
