import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { type Flight, flightOf } from '../flight.ts'
import { at } from './at.ts'

/** One JSON object a line; empty lines are passed over. */
export async function* readNdjson(file: string, skip: number): AsyncGenerator<Flight> {
  const place = () => `line ${line}`
  let line = 0
  let position = 0
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    line++
    if (text.trim() === '' || ++position <= skip) continue
    yield at(file, place, () => flightOf(JSON.parse(text), position, Buffer.byteLength(text) + 1))
  }
}
