import { readFile } from 'node:fs/promises'
import { type ParseError, parseTree } from 'jsonc-parser'
import { at } from './at.ts'
import type { Kind } from './kind.ts'

/** An array of objects, read as a whole; what does not fit in memory is better kept as NDJSON. */
export async function* readJson<T>(file: string, skip: number, kind: Kind<T>): AsyncGenerator<T> {
  const text = await readFile(file, 'utf8')
  const records: unknown = at(
    file,
    () => placeOfError(text),
    () => JSON.parse(text),
  )
  if (!Array.isArray(records)) throw new Error(`${file} is not an array of flights`)
  const bytes = Buffer.byteLength(text) / records.length
  for (let i = skip; i < records.length; i++) {
    yield at(
      file,
      () => placeOfRecord(text, i),
      () => kind.of(records[i], i + 1, bytes),
    )
  }
}

// Only where something is wrong is the file parsed again, by a parser that knows where things are.

function placeOfError(text: string): string {
  const errors: ParseError[] = []
  parseTree(text, errors, { disallowComments: true })
  return lineAt(text, errors[0]?.offset ?? text.length)
}

const placeOfRecord = (text: string, index: number): string =>
  lineAt(text, parseTree(text)?.children?.[index]?.offset ?? 0)

const lineAt = (text: string, offset: number): string => `line ${text.slice(0, offset).split('\n').length}`
