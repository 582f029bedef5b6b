import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { at } from './at.ts'
import type { Kind } from './kind.ts'

/** One JSON object a line; empty lines are passed over. */
export async function* readNdjson<T>(file: string, skip: number, kind: Kind<T>): AsyncGenerator<T> {
  const place = () => `line ${line}`
  let line = 0
  let position = 0
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    line++
    if (text.trim() === '' || ++position <= skip) continue
    yield at(file, place, () => kind.of(JSON.parse(text), position, Buffer.byteLength(text) + 1))
  }
}
