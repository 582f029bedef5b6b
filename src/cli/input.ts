import { createReadStream } from 'node:fs'
import { extname } from 'node:path'
import type { Readable } from 'node:stream'
import { csvRecordsOf } from './csv.ts'
import { CliError, ExitCode } from './exit-codes.ts'
import { linesOf, TOO_LONG } from './lines.ts'

export const FORMATS = ['ndjson', 'json', 'csv'] as const
export type InputFormat = (typeof FORMATS)[number]

/** Called for each piece that is not a record; reading then goes on. */
export type Unreadable = (text: string, error: Error) => void

const byExtension: Readonly<Record<string, InputFormat>> = {
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.json': 'json',
  '.csv': 'csv',
}

/** Reads the records of a file, or of stdin, which is opened on first use. */
export class Input {
  readonly name: string
  readonly #file: string
  readonly #format: InputFormat
  readonly #unreadable: Unreadable | undefined
  #stream: Readable | undefined
  #bytes = 0
  #refused = 0

  constructor(file: string, format: InputFormat | undefined, unreadable: Unreadable | undefined) {
    this.name = file === '-' ? 'stdin' : file
    this.#file = file
    this.#format = format ?? (file === '-' ? 'ndjson' : formatOfFile(file))
    this.#unreadable = unreadable
  }

  /** How many bytes were read. */
  get bytes(): number {
    return this.#bytes
  }

  /** How many pieces were not a record. */
  get unreadable(): number {
    return this.#refused
  }

  async *records(): AsyncGenerator<unknown> {
    const stream = this.#file === '-' ? process.stdin : createReadStream(this.#file)
    this.#stream = stream
    try {
      if (this.#format === 'json') yield* this.#json(stream)
      else if (this.#format === 'csv') yield* this.#csv(stream)
      else yield* this.#ndjson(stream)
    } finally {
      stream.destroy()
    }
  }

  /** Ends a read in progress. */
  stop(): void {
    this.#stream?.destroy()
  }

  async *#ndjson(stream: Readable): AsyncGenerator<unknown> {
    for await (const { text, number, end, tooLong } of linesOf(stream)) {
      this.#bytes = end
      if (text.trim() === '') continue
      let record: unknown
      try {
        if (tooLong) throw new Error(TOO_LONG)
        record = JSON.parse(text)
      } catch (error) {
        this.#refuse(text, number, error as Error)
        continue
      }
      yield record
    }
  }

  /** The elements of an array, or a single value. Unlike the other formats, JSON is read as a whole. */
  async *#json(stream: Readable): AsyncGenerator<unknown> {
    const content = await wholeOf(stream, this.name)
    this.#bytes = content.length
    let records: unknown
    try {
      records = JSON.parse(content.toString())
    } catch (error) {
      throw new CliError(`${this.name}: ${(error as Error).message}`)
    }
    if (Array.isArray(records)) yield* records
    else yield records
  }

  /** One object per record, with field names from the first line. */
  async *#csv(stream: Readable): AsyncGenerator<unknown> {
    let names: readonly string[] | undefined
    for await (const { text, number, end, fields } of csvRecordsOf(linesOf(stream))) {
      this.#bytes = end
      if (fields instanceof Error) {
        if (names === undefined) throw this.#errorAt(number, fields)
        this.#refuse(text, number, fields)
      } else if (names === undefined) names = fields
      else if (fields.length !== names.length) {
        const differs = `the number of fields is ${fields.length}, not ${names.length} as in the first record`
        this.#refuse(text, number, new Error(differs))
      } else yield Object.fromEntries(names.map((name, i) => [name, fields[i]]))
    }
  }

  #errorAt(number: number, { message }: Error): CliError {
    return new CliError(`${this.name}:${number}: ${message}`)
  }

  #refuse(text: string, number: number, reason: Error): void {
    const error = this.#errorAt(number, reason)
    if (this.#unreadable === undefined) throw error
    this.#refused++
    this.#unreadable(text.replace(/\r$/, ''), error)
  }
}

/**
 * The largest input that is read as a whole, in bytes: it must fit a V8 string, and the heap beside the parsed value.
 */
const WHOLE_LIMIT = 256 * 1024 * 1024

/** The whole content of a stream. */
export async function wholeOf(stream: AsyncIterable<Uint8Array>, name: string): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of stream) {
    chunks.push(chunk)
    length += chunk.length
    if (length > WHOLE_LIMIT) {
      throw new CliError(`${name}: more than ${WHOLE_LIMIT / 1024 / 1024} MiB cannot be read as one value`)
    }
  }
  return Buffer.concat(chunks)
}

function formatOfFile(file: string): InputFormat {
  const format = byExtension[extname(file).toLowerCase()]
  if (format !== undefined) return format
  throw new CliError(`what is in ${file}? Say so with --input-format: ${FORMATS.join(', ')}`, ExitCode.usage)
}
