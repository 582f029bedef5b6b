import { extname } from 'node:path'
import { oneOf, wholeNumber } from '../../base/arguments.ts'
import { KVError } from '../../base/errors.ts'
import type { InputOptions } from '../partitioned-input.ts'

/** The format of a file: one JSON value per line, or comma-separated values. */
export type FileFormat = 'ndjson' | 'csv'

/** How CSV is read. */
export interface CsvOptions {
  /**
   * The character between two fields.
   * @defaultValue ','
   */
  readonly delimiter?: string | undefined
  /**
   * The names of the fields, for files without a header line.
   * @defaultValue the first line of each file
   */
  readonly columns?: readonly string[] | undefined
}

/** Options of `filesInput`. */
export interface FilesInputOptions<T> extends InputOptions<number> {
  /** File names or patterns: `*`, `**`, `?`, `[a-z]`, `{a,b}`, and `!` before those to leave out. */
  readonly files: string | readonly string[]
  /**
   * The folder that file names, and so names of partitions, are relative to.
   * @defaultValue the working directory of the process
   */
  readonly cwd?: string | undefined
  /** @defaultValue by the name of each file: `.ndjson`, `.jsonl`, or `.csv` */
  readonly format?: FileFormat | undefined
  readonly csv?: CsvOptions | undefined
  /**
   * Makes a record from the value of an NDJSON line, or from an object with the fields of a CSV line, which are
   * strings. A record for which it throws is undecodable.
   * @defaultValue the value, or the object, is the record
   */
  readonly decode?: ((fields: unknown) => T) | undefined
  /**
   * A larger file is read in several partitions of this many bytes. The number is part of the partitions' names: do not
   * change it while their positions are kept. CSV can be split only where no field has a line break; a line that begins
   * such a field fails with `UNSUPPORTED`.
   * @defaultValue 67108864 (64 MiB) for NDJSON, none for CSV: each file is one partition
   */
  readonly partitionBytes?: number | undefined
  /**
   * The longest record, in bytes; a longer one is undecodable, with the code `VALUE_TOO_LARGE`.
   * @defaultValue 1048576 (1 MiB)
   */
  readonly maxRecordBytes?: number | undefined
  /**
   * Whether files may grow and be added: reading then waits at the end of the last partition of a file for further
   * whole lines, and `partitions$` does not complete.
   * @defaultValue false
   */
  readonly follow?: boolean | undefined
  /**
   * How often to check for new lines and files, with `follow`, in milliseconds.
   * @defaultValue 500
   */
  readonly interval?: number | undefined
}

/** The validated options. */
export interface FilesConfig<T> {
  readonly patterns: readonly string[]
  readonly cwd: string
  formatOf(file: string): FileFormat
  readonly delimiter: string
  readonly columns: readonly string[] | undefined
  readonly decode: ((fields: unknown) => T) | undefined
  /** Infinite where files are not split. */
  partitionBytes(format: FileFormat): number
  readonly maxRecordBytes: number
  /** How often to check for new lines and files; `undefined` without `follow`. */
  readonly follow: number | undefined
}

const FORMATS = ['ndjson', 'csv'] as const

const BY_EXTENSION: Readonly<Record<string, FileFormat>> = {
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.csv': 'csv',
}

function formatByName(file: string): FileFormat {
  const format = BY_EXTENSION[extname(file).toLowerCase()]
  if (format !== undefined) return format
  const known = Object.keys(BY_EXTENSION).join(', ')
  throw new KVError('INVALID_ARGUMENT', `give \`format\`: ${file} does not end with ${known}`)
}

function delimiterOf(delimiter = ','): string {
  if (delimiter.length === 1 && !'"\r\n'.includes(delimiter)) return delimiter
  throw new KVError(
    'INVALID_ARGUMENT',
    `\`csv.delimiter\` must be one character, got ${JSON.stringify(delimiter)}`,
  )
}

/** Throws `INVALID_ARGUMENT` for invalid names of fields. */
export function columnsOf(columns: readonly string[], where: string): readonly string[] {
  const wrong = columns.find((name, i) => name === '__proto__' || columns.indexOf(name) !== i)
  if (columns.length > 0 && wrong === undefined) return columns
  const what =
    wrong === undefined ? 'there is none' : `${JSON.stringify(wrong)} is there twice or not permitted`
  throw new KVError('INVALID_ARGUMENT', `no names of fields in ${where}: ${what}`)
}

export function configOf<T>(options: FilesInputOptions<T>): FilesConfig<T> {
  const { files, cwd = process.cwd(), format, csv = {}, decode, partitionBytes, follow = false } = options
  const patterns = typeof files === 'string' ? [files] : files
  if (!Array.isArray(patterns) || patterns.length === 0 || patterns.some(pattern => !pattern)) {
    throw new KVError('INVALID_ARGUMENT', '`files` must be a name or pattern, or several')
  }
  if (format !== undefined) oneOf('format', format, FORMATS)
  const most = Number.MAX_SAFE_INTEGER
  if (partitionBytes !== undefined) wholeNumber('partitionBytes', partitionBytes, 1, most)
  const interval = wholeNumber('interval', options.interval ?? 500, 1, 2 ** 31 - 1)
  return {
    patterns,
    cwd,
    formatOf: format === undefined ? formatByName : () => format,
    delimiter: delimiterOf(csv.delimiter),
    columns: csv.columns && columnsOf(csv.columns, '`csv.columns`'),
    decode,
    partitionBytes: of => partitionBytes ?? (of === 'ndjson' ? 64 * 1024 * 1024 : Number.POSITIVE_INFINITY),
    maxRecordBytes: wholeNumber('maxRecordBytes', options.maxRecordBytes ?? 1024 * 1024, 1, 2 ** 30),
    follow: follow ? interval : undefined,
  }
}
