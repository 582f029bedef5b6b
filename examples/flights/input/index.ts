import { realpath, stat } from 'node:fs/promises'
import { extname } from 'node:path'
import { readCsv } from './csv.ts'
import { readJson } from './json.ts'
import type { Kind } from './kind.ts'
import { readNdjson } from './ndjson.ts'
import { readParquet } from './parquet.ts'

/** Reads the records of a file, without the first `skip`; fails with the place of what is wrong. */
type Reader = <T>(file: string, skip: number, kind: Kind<T>) => AsyncIterable<T>

const READERS: Readonly<Record<string, Reader>> = {
  '.ndjson': readNdjson,
  '.jsonl': readNdjson,
  '.json': readJson,
  '.csv': readCsv,
  '.parquet': readParquet,
}

/** A file with records. */
export interface Input<T> {
  /** The one path of the file, however it was named. */
  readonly file: string
  /** The records after the first `skip`. */
  read(skip: number): AsyncIterable<T>
}

export async function openInput<T>(path: string, kind: Kind<T>): Promise<Input<T>> {
  const read = READERS[extname(path).toLowerCase()]
  if (read === undefined) {
    throw new Error(
      `cannot tell the format of ${path}: its name must end with ${Object.keys(READERS).join(', ')}`,
    )
  }
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile() !== true) throw new Error(`there is no file ${path}`)
  const file = await realpath(path)
  return { file, read: skip => read(file, skip, kind) }
}
