import { realpath, stat } from 'node:fs/promises'
import { extname } from 'node:path'
import type { Flight } from '../flight.ts'
import { readCsv } from './csv.ts'
import { readJson } from './json.ts'
import { readNdjson } from './ndjson.ts'
import { readParquet } from './parquet.ts'

/** Reads the flights of a file, without the first `skip`; fails with the place of what is wrong. */
type Reader = (file: string, skip: number) => AsyncIterable<Flight>

const READERS: Readonly<Record<string, Reader>> = {
  '.ndjson': readNdjson,
  '.jsonl': readNdjson,
  '.json': readJson,
  '.csv': readCsv,
  '.parquet': readParquet,
}

/** A file with flights. */
export interface Input {
  /** The one path of the file, however it was named. */
  readonly file: string
  /** The flights after the first `skip`. */
  read(skip: number): AsyncIterable<Flight>
}

export async function openInput(path: string): Promise<Input> {
  const read = READERS[extname(path).toLowerCase()]
  if (read === undefined) {
    throw new Error(
      `cannot tell the format of ${path}: its name must end with ${Object.keys(READERS).join(', ')}`,
    )
  }
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile() !== true) throw new Error(`there is no file ${path}`)
  const file = await realpath(path)
  return { file, read: skip => read(file, skip) }
}
