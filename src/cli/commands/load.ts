import { createReadStream } from 'node:fs'
import { addAbortSignal } from 'node:stream'
import { Command } from 'commander'
import { concat, of } from 'rxjs'
import { KVError, type KVStore, restoreNodes$, type SavepointNode } from '../../index.ts'
import { Bookmark, statOf } from '../bookmark.ts'
import { CliError } from '../exit-codes.ts'
import { Invocation } from '../invocation.ts'
import { type Line, linesOf, type Start, TOO_LONG } from '../lines.ts'
import { nodeOfLine } from '../node-lines.ts'
import { count, counted, Progress } from '../progress.ts'
import {
  type StoreCommandOptions,
  wholeNumberFrom,
  withCodecOption,
  withStore,
  withStoreOptions,
} from '../store.ts'
import { entryOfLine, type Format } from '../values.ts'

interface Options extends StoreCommandOptions {
  readonly text?: boolean
  readonly batch: number
  readonly resume?: boolean
}

/** `rxkeeper load FILE` */
export const loadCommand = (): Command =>
  withCodecOption(withStoreOptions(new Command('load')))
    .summary('write entries from NDJSON')
    .description(
      'Writes an entry for each line {"key": …, "value": …} of a file, as dump makes them ("base64" stands for a value that ' +
        'is not JSON). The bytes of "value" are written as they stand there; a line has at most 64 MiB. Each batch of lines ' +
        'is written whole or not at all; the positions of jobs that a savepoint has, last.',
    )
    .argument('[file]', "'-' or none for stdin")
    .option('--text', 'values are strings, stored as text, not as JSON')
    .option('--batch <lines>', 'lines in a batch, at most', wholeNumberFrom(1), 500)
    .option('--resume', 'note in FILE.resume how far it came, and go on there')
    .addHelpText(
      'after',
      `
Examples:
  $ rxkeeper load visits.ndjson --store zookeeper://localhost:2181/visits
  $ rxkeeper load visits.ndjson --resume     # interrupted? the same again goes on
  $ rxkeeper dump --store lmdb:old | rxkeeper load --store lmdb:new`,
    )
    .action(async (file: string | undefined, options: Options) => {
      process.exitCode = await new Invocation(options).run(session =>
        withStore(session, options, store => load(session, store, file ?? '-', options)),
      )
    })

async function load(
  session: Invocation,
  store: KVStore<Uint8Array>,
  file: string,
  options: Options,
): Promise<void> {
  const note = options.resume ? new Bookmark(file, options.store) : undefined
  const start: Start = note?.start ?? { number: 0, end: 0 }
  const chunks = addAbortSignal(
    session.stopping,
    file === '-' ? process.stdin : createReadStream(file, { start: start.end }),
  )
  const progress = new Progress(session, file === '-' ? undefined : statOf(file).size)
  const loader = new Loader(session, store, file === '-' ? 'stdin' : file, options)
  let reached = start
  const write = async (): Promise<void> => {
    const last = await loader.flush()
    if (last === undefined) return
    reached = last
    note?.keep(last)
    progress.update(last.end, counted(loader.written, 'entry', 'entries'))
  }
  try {
    for await (const line of linesOf(chunks, start)) {
      if (line.text.trim() !== '') loader.add(line)
      if (loader.full) await write()
      session.stopping.throwIfAborted()
    }
    await write()
    await loader.restore()
  } catch (error) {
    note?.keep(reached, true)
    progress.stop()
    if (reached.number > 0) {
      session.say(
        `stopped: lines 1 to ${count(reached.number)} are loaded${note === undefined ? '' : '; the same again goes on there'}`,
      )
    }
    session.stopping.throwIfAborted()
    throw error
  }
  progress.stop()
  note?.remove()
  session.show({ loaded: loader.written }, `loaded ${counted(loader.written, 'entry', 'entries')}`)
}

/** The most bytes in a batch: a ZooKeeper transaction holds a mebibyte, less the overhead of each write. */
const BATCH_BYTES = 500_000

/** An entry, and where in the input it was. */
interface Given {
  readonly key: string
  readonly value: Uint8Array
  readonly at: Start
}

/** Collects entries and writes them in batches. */
class Loader {
  written = 0
  readonly #session: Invocation
  readonly #store: KVStore<Uint8Array>
  readonly #limit: number
  readonly #format: Format
  readonly #source: string
  readonly #nodes: SavepointNode[] = []
  #batch: Given[] = []
  #bytes = 0

  constructor(session: Invocation, store: KVStore<Uint8Array>, source: string, { text, batch }: Options) {
    this.#session = session
    this.#store = store
    this.#source = source
    this.#limit = batch
    this.#format = text ? 'text' : 'json'
  }

  get full(): boolean {
    return this.#batch.length >= this.#limit || this.#bytes >= BATCH_BYTES
  }

  add(line: Line): void {
    try {
      if (line.tooLong) throw new CliError(TOO_LONG)
      const node = nodeOfLine(line.text)
      if (node !== undefined) {
        this.#nodes.push(node)
        return
      }
      const { key, value } = entryOfLine(line.text, this.#format)
      const { number, end } = line
      this.#batch.push({ key, value, at: { number, end } })
      this.#bytes += value.length + key.length
    } catch (error) {
      throw this.#errorAt(line, error)
    }
  }

  /**
   * Writes the collected entries; returns the last line of them. A batch is finished even when the command is stopped.
   */
  async flush(): Promise<Start | undefined> {
    const batch = this.#batch
    this.#batch = []
    this.#bytes = 0
    await this.#write(batch)
    return batch.at(-1)?.at
  }

  /** Writes the positions of jobs, after everything else: from then on they go on there. */
  async restore(): Promise<void> {
    await this.#session.finish(concat(restoreNodes$(this.#store, this.#nodes), of(undefined)))
  }

  async #write(batch: readonly Given[]): Promise<void> {
    if (batch.length === 0) return
    try {
      await this.#session.finish(this.#store.putAll$(batch.map(({ key, value }) => [key, value])))
      this.written += batch.length
    } catch (error) {
      if (!(error instanceof KVError)) throw error
      const own = batch.find(({ key }) => key === error.key)
      if (own !== undefined) throw this.#errorAt(own.at, error)
      if (error.code !== 'VALUE_TOO_LARGE' || batch.length === 1) throw error
      // Too large for one transaction of this store.
      const half = batch.length >> 1
      await this.#write(batch.slice(0, half))
      await this.#write(batch.slice(half))
    }
  }

  #errorAt({ number }: Start, error: unknown): CliError {
    return new CliError(`${this.#source}:${number}: ${(error as Error).message}`)
  }
}
