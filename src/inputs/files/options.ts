import { extname } from 'node:path'
import { oneOf, wholeNumber } from '../../base/arguments.ts'
import { KVError } from '../../base/errors.ts'
import type { InputOptions } from '../partitioned-input.ts'

/** What the records of a file are written as: a JSON value a line, or comma-separated values. */
export type FileFormat = 'ndjson' | 'csv'

/** How CSV is read. */
export interface CsvOptions {
  /**
   * One character between two fields.
   * @defaultValue ','
   */
  readonly delimiter?: string | undefined
  /**
   * The names of the fields, for files that do not begin with a line of them.
   * @defaultValue the first line of each file
   */
  readonly columns?: readonly string[] | undefined
}

/** Options of `filesInput`. */
export interface FilesInputOptions<T> extends InputOptions<number> {
  /** Names of files, or patterns: `*`, `**`, `?`, `[a-z]`, `{a,b}`, and `!` before what is left out. */
  readonly files: string | readonly string[]
  /**
   * The folder that the names of files, and so of partitions, are relative to.
   * @defaultValue that of the process
   */
  readonly cwd?: string | undefined
  /** @defaultValue by the name of each file: `.ndjson`, `.jsonl`, or `.csv` */
  readonly format?: FileFormat | undefined
  readonly csv?: CsvOptions | undefined
  /**
   * Makes a record of what was read: the value of an NDJSON line, or an object with the fields of a CSV line, which are
   * strings. What it throws makes the record undecodable.
   * @defaultValue the record is what was read
   */
  readonly decode?: ((fields: unknown) => T) | undefined
  /**
   * How large a file is read in several partitions, each of so many bytes. It is part of the partitions' names, and so
   * is not to be changed while their positions are kept. CSV can only be read so where no field has a line break; a
   * line that begins one fails with `UNSUPPORTED`.
   * @defaultValue 67108864 (64 MiB) for NDJSON, none for CSV: each file is one partition
   */
  readonly partitionBytes?: number | undefined
  /**
   * How long a record may be, in bytes; a longer one is undecodable, with the code `VALUE_TOO_LARGE`.
   * @defaultValue 1048576 (1 MiB)
   */
  readonly maxRecordBytes?: number | undefined
  /**
   * Whether files may grow and be added: reading then waits at the end of the last partition of a file, for whole lines
   * only, and `partitions$` goes on.
   * @defaultValue false
   */
  readonly follow?: boolean | undefined
  /**
   * How often is looked for what is new, with `follow`, in milliseconds.
   * @defaultValue 500
   */
  readonly interval?: number | undefined
}

/** The options, checked. */
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
  /** How often is looked for what is new; `undefined` where files are read as they are. */
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

/** Throws `INVALID_ARGUMENT` where names of fields are none. */
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
