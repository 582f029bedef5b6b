import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { type Flight, flightOf } from '../flight.ts'
import { at } from './at.ts'

const COLUMNS = ['origin', 'destination', 'delay']

/** One group of rows after the other, of each only the columns that are needed; groups that are skipped are not read. */
export async function* readParquet(path: string, skip: number): AsyncGenerator<Flight> {
  const file = await asyncBufferFromFile(path)
  const metadata = await inFile(path, parquetMetadataAsync(file))
  const bytes = file.byteLength / Number(metadata.num_rows)
  let rowStart = 0
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows)
    const from = Math.max(rowStart, skip)
    if (from < rowEnd) {
      const options = { file, metadata, compressors, columns: COLUMNS, rowStart: from, rowEnd }
      const rows = await inFile(path, parquetReadObjects(options))
      for (let i = 0; i < rows.length; i++) {
        const position = from + i + 1
        yield at(
          path,
          () => `row ${position}`,
          () => flightOf(rows[i], position, bytes),
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
