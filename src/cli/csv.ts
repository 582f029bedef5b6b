import { CsvRecord } from '../base/csv.ts'
import { LINE_LIMIT, type Line, TOO_LONG } from './lines.ts'

/** A record of CSV (RFC 4180), or why it is not one. */
export interface FoundRecord {
  /** Its text, as it is in the file. */
  readonly text: string
  /** The number of its first line, from 1. */
  readonly number: number
  /** The offset after it, in bytes. */
  readonly end: number
  readonly fields: readonly string[] | Error
}

/** The records in these lines; empty lines between them are skipped. A malformed record does not affect later ones. */
export async function* csvRecordsOf(lines: AsyncIterable<Line>): AsyncGenerator<FoundRecord> {
  let reader = new CsvRecord(',')
  let text = ''
  let first: Line | undefined
  let end = 0
  const record = (fields: FoundRecord['fields']): FoundRecord => {
    const made = { text: text.slice(0, -1), number: first!.number, end, fields }
    reader = new CsvRecord(',')
    text = ''
    first = undefined
    return made
  }
  for await (const line of lines) {
    const content = line.number === 1 ? line.text.replace(/^\ufeff/, '') : line.text
    if (first === undefined && (content === '' || content === '\r')) continue
    first ??= line
    end = line.end
    text += `${content}\n`
    if (line.tooLong || text.length > LINE_LIMIT) yield record(new Error(TOO_LONG))
    else {
      let fields: FoundRecord['fields'] | undefined
      try {
        if (reader.add(content)) fields = reader.fields
      } catch (error) {
        fields = error as Error
      }
      if (fields !== undefined) yield record(fields)
    }
  }
  if (first !== undefined) yield record(new Error('a quote is not closed'))
}
