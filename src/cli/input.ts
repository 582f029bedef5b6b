import { createReadStream } from 'node:fs'
import { extname } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { CsvError, parse } from 'csv-parse'
import { CliError, ExitCode } from './exit-codes.ts'
import { linesOf } from './lines.ts'

export const FORMATS = ['ndjson', 'json', 'csv'] as const
export type InputFormat = (typeof FORMATS)[number]

/** Hears of what cannot be read as a record; the rest is then read. */
export type Unreadable = (text: string, error: Error) => void

const byExtension: Readonly<Record<string, InputFormat>> = {
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.json': 'json',
  '.csv': 'csv',
}

/** The records of a file, or of stdin. */
export class Input {
  readonly name: string
  readonly #stream: Readable
  readonly #format: InputFormat
  readonly #unreadable: Unreadable | undefined
  #bytes = 0
  #refused = 0

  constructor(file: string, format: InputFormat | undefined, unreadable: Unreadable | undefined) {
    this.name = file === '-' ? 'stdin' : file
    this.#format = format ?? (file === '-' ? 'ndjson' : formatOfFile(file))
    this.#stream = file === '-' ? process.stdin : createReadStream(file)
    this.#unreadable = unreadable
  }

  /** How much was read. */
  get bytes(): number {
    return this.#bytes
  }

  /** How much of it was no record. */
  get unreadable(): number {
    return this.#refused
  }

  async *records(): AsyncGenerator<unknown> {
    try {
      if (this.#format === 'json') yield* this.#json()
      else if (this.#format === 'csv') yield* this.#csv()
      else yield* this.#ndjson()
    } finally {
      this.#stream.destroy()
    }
  }

  /** Ends a read that is under way. */
  stop(): void {
    this.#stream.destroy()
  }

  async *#ndjson(): AsyncGenerator<unknown> {
    for await (const { text, number, end } of linesOf(this.#stream)) {
      this.#bytes = end
      if (text.trim() === '') continue
      let record: unknown
      try {
        record = JSON.parse(text)
      } catch (error) {
        this.#refuse(text, `${this.name}:${number}: ${(error as Error).message}`)
        continue
      }
      yield record
    }
  }

  /** The elements of an array, or one value. Unlike the other formats it is read as a whole. */
  async *#json(): AsyncGenerator<unknown> {
    const content = await text(this.#stream)
    this.#bytes = Buffer.byteLength(content)
    let records: unknown
    try {
      records = JSON.parse(content)
    } catch (error) {
      throw new CliError(`${this.name}: ${(error as Error).message}`)
    }
    if (Array.isArray(records)) yield* records
    else yield records
  }

  /** An object for each line, its fields named by the first. */
  async *#csv(): AsyncGenerator<unknown> {
    const parser = parse({
      columns: true,
      bom: true,
      skip_empty_lines: true,
      raw: false,
      skip_records_with_error: this.#unreadable !== undefined,
    })
    const named = (error: Error | undefined): string => `${this.name}: ${error?.message}`
    parser.on('skip', (error: Error | undefined, raw: string | undefined) =>
      this.#refuse(raw ?? '', named(error)),
    )
    this.#stream.on('error', error => parser.destroy(error))
    this.#stream.pipe(parser)
    try {
      for await (const record of parser) {
        this.#bytes = parser.info.bytes
        yield record
      }
    } catch (error) {
      throw error instanceof CsvError ? new CliError(named(error)) : error
    }
  }

  #refuse(text: string, message: string): void {
    const error = new CliError(message)
    if (this.#unreadable === undefined) throw error
    this.#refused++
    this.#unreadable(text, error)
  }
}

function formatOfFile(file: string): InputFormat {
  const format = byExtension[extname(file).toLowerCase()]
  if (format !== undefined) return format
  throw new CliError(`what is in ${file}? Say so with --input-format: ${FORMATS.join(', ')}`, ExitCode.usage)
}
