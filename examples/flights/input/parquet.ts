import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { at } from './at.ts'
import type { Kind } from './kind.ts'

/** One group of rows after the other, of each only the columns that are needed; groups that are skipped are not read. */
export async function* readParquet<T>(path: string, skip: number, kind: Kind<T>): AsyncGenerator<T> {
  const file = await asyncBufferFromFile(path)
  const metadata = await inFile(path, parquetMetadataAsync(file))
  const bytes = file.byteLength / Number(metadata.num_rows)
  let rowStart = 0
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows)
    const from = Math.max(rowStart, skip)
    if (from < rowEnd) {
      const options = { file, metadata, compressors, columns: [...kind.columns], rowStart: from, rowEnd }
      const rows = await inFile(path, parquetReadObjects(options))
      for (let i = 0; i < rows.length; i++) {
        const position = from + i + 1
        yield at(
          path,
          () => `row ${position}`,
          () => kind.of(rows[i], position, bytes),
        )
      }
    }
    rowStart = rowEnd
  }
}

async function inFile<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`, { cause: error })
  }
}
