import { isUtf8 } from 'node:buffer'
import { CsvRecord } from '../../base/csv.ts'
import { KVError } from '../../base/errors.ts'
import type { Line } from './lines.ts'
import type { FilePart } from './partitions.ts'

/** The result of {@link RecordParser.add} for a line that completes no record. */
export const NONE: unique symbol = Symbol('no record')

/** Where a record of several lines begins, and where its first line ends. */
export interface OpenRecord {
  readonly begin: number
  readonly end: number
}

/** Makes records from lines. */
export interface RecordParser {
  /** The record that this line completes, or {@link NONE}; throws for a line that is no part of a record. */
  add(line: Line): unknown
  /** A record that is still incomplete. */
  readonly open: OpenRecord | undefined
  /** The lines of the current record before the line that was added last. */
  readonly before: readonly Buffer[]
  /** Forgets an incomplete record. */
  reset(): void
}

function textOf({ bytes }: Line): string {
  if (!isUtf8(bytes)) throw new Error('it is not UTF-8')
  return bytes.toString()
}

/** One JSON value per line; empty lines are skipped. */
export class NdjsonParser implements RecordParser {
  readonly open = undefined
  readonly before: readonly Buffer[] = []

  add(line: Line): unknown {
    const text = textOf(line)
    return text.trim() === '' ? NONE : JSON.parse(text)
  }

  reset(): void {}
}

/** Comma-separated values, one object per record; empty lines are skipped. */
export class CsvParser implements RecordParser {
  readonly #delimiter: string
  readonly #part: FilePart
  readonly #columns: readonly string[] | undefined
  #record: CsvRecord | undefined
  open: OpenRecord | undefined
  before: Buffer[] = []

  /** @param columns the names of the fields; without them, `add` returns the fields as an array */
  constructor(delimiter: string, part: FilePart, columns: readonly string[] | undefined) {
    this.#delimiter = delimiter
    this.#part = part
    this.#columns = columns
  }

  add(line: Line): unknown {
    const text = textOf(line)
    if (this.#record === undefined) {
      if (this.before.length > 0) this.before = []
      if (text.trim() === '') return NONE
      this.#record = new CsvRecord(this.#delimiter)
    }
    const record = this.#record
    if (!record.add(text)) {
      if (this.#part.to !== Number.POSITIVE_INFINITY) throw unsplittable(this.#part, line)
      this.open ??= { begin: line.begin, end: line.end }
      // The bytes of a line are valid only until more is read.
      this.before.push(Buffer.from(line.bytes))
      return NONE
    }
    this.reset()
    return this.#columns === undefined ? record.fields : this.#object(record.fields, this.#columns)
  }

  reset(): void {
    this.#record = undefined
    this.open = undefined
  }

  #object(fields: readonly string[], columns: readonly string[]): Record<string, string> {
    if (fields.length !== columns.length) {
      throw new Error(`it has ${fields.length} fields, expected ${columns.length}`)
    }
    const object: Record<string, string> = {}
    for (let i = 0; i < columns.length; i++) object[columns[i]!] = fields[i]!
    return object
  }
}

/** A range that begins in the middle of a field would take the rest of the field for records. */
const unsplittable = ({ name }: FilePart, { begin, end }: Line): KVError =>
  new KVError(
    'UNSUPPORTED',
    `${name}: the line at byte ${begin} begins a field with a line break, and CSV with such fields cannot be read in ` +
      'ranges of bytes: leave `partitionBytes` out',
    { partition: name, position: end },
  )
