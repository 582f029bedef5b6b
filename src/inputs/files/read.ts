import { type FileHandle, open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { KVError } from '../../base/errors.ts'
import type { Delivered, InputOptions } from '../partitioned-input.ts'
import { refuse } from '../undecodable.ts'
import { type Line, LineReader } from './lines.ts'
import { columnsOf, type FilesConfig } from './options.ts'
import { checkPosition, type FilePart } from './partitions.ts'
import { CsvParser, NdjsonParser, NONE, type RecordParser } from './records.ts'

const NEWLINE = 0x0a
const RETURN = 0x0d
const LINE_END = Buffer.of(NEWLINE)
const BYTE_ORDER_MARK = Buffer.from('\ufeff')

/** A record that could not be decoded, and where to go on. */
class Misread {
  readonly position: number
  readonly content: Buffer
  readonly cause: unknown

  constructor(position: number, content: Buffer, cause: unknown) {
    this.position = position
    this.content = content
    this.cause = cause
  }
}

/** A quote that is never closed costs its own line only, not everything that seems to be inside it. */
function misread(line: Line | undefined, { open, before }: RecordParser, cause: unknown): Misread {
  if (open !== undefined) return new Misread(open.end, before[0]!, cause)
  const lines = [...before, line!.bytes].flatMap(bytes => [LINE_END, bytes])
  return new Misread(line!.end, Buffer.concat(lines.slice(1)), cause)
}

/** Reads one part of a file, once. */
export class PartReading<T> {
  readonly #part: FilePart
  readonly #config: FilesConfig<T>
  readonly #undecodable: InputOptions<number>['undecodable']
  readonly #signal: AbortSignal

  constructor(part: FilePart, config: FilesConfig<T>, options: InputOptions<number>, signal: AbortSignal) {
    this.#part = part
    this.#config = config
    this.#undecodable = options.undecodable
    this.#signal = signal
  }

  async *records(after: number | undefined): AsyncGenerator<Delivered<T, number>, void> {
    const { name, to } = this.#part
    checkPosition(this.#part, after)
    const file = await this.#open()
    try {
      const beginning = await this.#beginning(file)
      if (beginning === undefined) return
      const { parser, first } = beginning
      const start = after === undefined ? await this.#first(file, first) : await this.#resume(file, after)
      let lines = this.#lines(file, start)
      while (!this.#signal.aborted) {
        const line = lines.next() ?? (await this.#more(file, lines))
        const open = parser.open
        if (line === undefined ? open === undefined : open === undefined && line.begin >= to) return
        const record =
          line === undefined || (open !== undefined && line.end - open.begin > this.#config.maxRecordBytes)
            ? misread(line, parser, new Error('a quoted field that begins there does not end'))
            : this.#record(line, parser)
        if (record instanceof Misread) {
          const { position, content, cause } = record
          parser.reset()
          await refuse({ partition: name, position, content }, cause, this.#undecodable)
          if (position !== line?.end) lines = this.#lines(file, position)
        } else if (record !== NONE) yield { record, position: line!.end }
      }
    } finally {
      await file.close()
    }
  }

  #record(line: Line, parser: RecordParser): T | typeof NONE | Misread {
    const { maxRecordBytes, decode } = this.#config
    try {
      if (line.tooLong) throw new KVError('VALUE_TOO_LARGE', `it is longer than ${maxRecordBytes} bytes`)
      const fields = parser.add(line)
      if (fields === NONE) return NONE
      return decode === undefined ? (fields as T) : decode(fields)
    } catch (cause) {
      if (cause instanceof KVError && cause.code === 'UNSUPPORTED') throw cause
      return misread(line, parser, cause)
    }
  }

  #lines(file: FileHandle, from: number): LineReader {
    return new LineReader(file, from, this.#config.maxRecordBytes)
  }

  /** The next line, read from the file; `undefined` at its end. Waits for one where the file is followed. */
  async #more(file: FileHandle, lines: LineReader): Promise<Line | undefined> {
    for (;;) {
      if (!(await lines.more())) {
        if (this.#config.follow === undefined) return lines.rest()
        await sleep(this.#config.follow, undefined, { signal: this.#signal })
        if ((await file.stat()).size < lines.end) throw this.#lost(lines.end)
      }
      const line = lines.next()
      if (line !== undefined) return line
    }
  }

  async #open(): Promise<FileHandle> {
    try {
      return await open(this.#part.path)
    } catch (cause) {
      throw KVError.from(cause, 'INVALID_ARGUMENT', `cannot read ${this.#part.name}`)
    }
  }

  /** The parser for the file, and where its first line of records begins; `undefined` for an empty file. */
  async #beginning(file: FileHandle): Promise<{ parser: RecordParser; first: number } | undefined> {
    const { format } = this.#part
    const { delimiter, columns } = this.#config
    const { buffer } = await file.read(Buffer.alloc(BYTE_ORDER_MARK.length), 0, BYTE_ORDER_MARK.length, 0)
    const first = buffer.equals(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0
    if (format === 'ndjson') return { parser: new NdjsonParser(), first }
    if (columns !== undefined) return { parser: new CsvParser(delimiter, this.#part, columns), first }
    const lines = this.#lines(file, first)
    const header = new CsvParser(delimiter, this.#part, undefined)
    for (;;) {
      const line = lines.next() ?? (await this.#more(file, lines))
      if (line === undefined) return undefined
      const names = this.#header(line, header)
      if (names === NONE) continue
      const where = `the first line of ${this.#part.path}`
      return { parser: new CsvParser(delimiter, this.#part, columnsOf(names, where)), first: line.end }
    }
  }

  #header(line: Line, parser: CsvParser): readonly string[] | typeof NONE {
    try {
      if (line.tooLong) throw new Error('it is too long')
      return parser.add(line) as readonly string[] | typeof NONE
    } catch (cause) {
      throw KVError.from(cause, 'CODEC', `cannot decode the first line of ${this.#part.path}`)
    }
  }

  /** The offset of the first line of the part: the first that does not begin before the part. */
  async #first(file: FileHandle, first: number): Promise<number> {
    const { from } = this.#part
    if (from <= first) return first
    const lines = this.#lines(file, from - 1)
    const before = lines.next() ?? (await this.#more(file, lines))
    return before?.end ?? from
  }

  /** The offset of the line after a position. The file must still be the one that the position is from. */
  async #resume(file: FileHandle, after: number): Promise<number> {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(3), 0, 3, after - 1)
    const [last, next, nextButOne] = buffer
    if (bytesRead > 0 && last === NEWLINE) return after
    // The line was the last and had no newline; it may have one now.
    if (bytesRead === 1) return after
    if (bytesRead > 1 && next === NEWLINE) return after + 1
    if (bytesRead > 2 && next === RETURN && nextButOne === NEWLINE) return after + 2
    throw this.#lost(after)
  }

  #lost(position: number): KVError {
    const { name } = this.#part
    return new KVError(
      'POSITION_LOST',
      `${name} has no line that ends at byte ${position}: it is another file by now`,
      {
        partition: name,
        position,
      },
    )
  }
}
