/**
 * Flights of any format as NDJSON on stdout, to be read in partitions:
 *
 *   npx tsx examples/as-ndjson.ts node_modules/vega-datasets/data/flights-3m.parquet > flights.ndjson
 */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { FLIGHT } from './flights/flight.ts'
import { openInput } from './flights/input/index.ts'

async function* lines(path: string): AsyncGenerator<string> {
  const input = await openInput(path, FLIGHT)
  for await (const { origin, destination, delay } of input.read(0)) {
    yield `${JSON.stringify({ origin, destination, delay })}\n`
  }
}

await pipeline(Readable.from(lines(process.argv[2] ?? '')), process.stdout)
