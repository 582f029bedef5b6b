/** Files of records (NDJSON, CSV) as a partitioned input. */
export { type FilesInput, filesInput } from './files/input.ts'
export type { CsvOptions, FileFormat, FilesInputOptions } from './files/options.ts'
