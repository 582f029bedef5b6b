import { createReadStream } from 'node:fs'
import { CsvError, parse } from 'csv-parse'
import { at } from './at.ts'
import type { Kind } from './kind.ts'

interface Row {
  readonly record: Record<string, string>
  readonly info: { readonly lines: number; readonly bytes: number }
}

/** Rows under a row of column names. */
export async function* readCsv<T>(file: string, skip: number, kind: Kind<T>): AsyncGenerator<T> {
  const parser = parse({ columns: true, info: true, bom: true, skip_empty_lines: true })
  const source = createReadStream(file)
  source.on('error', error => parser.destroy(error)).pipe(parser)
  let position = 0
  let bytes = 0
  try {
    for await (const { record, info } of parser as AsyncIterable<Row>) {
      const size = info.bytes - bytes
      bytes = info.bytes
      if (++position <= skip) continue
      yield at(
        file,
        () => `line ${info.lines}`,
        () => kind.of(record, position, size),
      )
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw new Error(`${file}: ${error.message}`, { cause: error })
  } finally {
    source.destroy()
  }
}
