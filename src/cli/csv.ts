import { LINE_LIMIT, type Line, TOO_LONG } from './lines.ts'

/** A record of CSV (RFC 4180), or why it is none. */
export interface CsvRecord {
  /** What it is made of, as it stands in the file. */
  readonly text: string
  /** Its first line, counted from 1. */
  readonly number: number
  /** Where what is after it begins, in bytes. */
  readonly end: number
  readonly fields: readonly string[] | SyntaxError
}

/** Reads the lines of one record. */
class RecordReader {
  #fields: string[] = []
  /** What was read of a field in quotes that goes on in the next line. */
  #open: string | undefined

  /** The fields, when the record ends with this line; throws where it is no CSV. */
  take(line: string): readonly string[] | undefined {
    const end = line.endsWith('\r') ? line.length - 1 : line.length
    for (let at = 0; ; at++) {
      if (this.#open !== undefined || line[at] === '"') {
        const after = this.#quoted(line, this.#open === undefined ? at + 1 : at)
        if (after === undefined) return undefined
        at = after
        if (at < end && line[at] !== ',')
          throw new SyntaxError('a closing quote is not at the end of its field')
      } else {
        const comma = line.indexOf(',', at)
        const field = line.slice(at, comma < 0 ? end : comma)
        if (field.includes('"')) throw new SyntaxError('a quote is in a field that does not begin with one')
        this.#fields.push(field)
        at += field.length
      }
      if (at >= end) return this.#fields
    }
  }

  /** Where the field in quotes ends; `undefined` when it goes on in the next line. */
  #quoted(line: string, from: number): number | undefined {
    let content = this.#open ?? ''
    for (let at = from; ; ) {
      const quote = line.indexOf('"', at)
      if (quote < 0) {
        this.#open = `${content}${line.slice(at)}\n`
        return undefined
      }
      content += line.slice(at, quote)
      at = quote + 1
      if (line[at] !== '"') {
        this.#fields.push(content)
        this.#open = undefined
        return at
      }
      content += '"'
      at++
    }
  }
}

/** The records in these lines; empty lines between them are passed over. What is no record hurts none after it. */
export async function* csvRecordsOf(lines: AsyncIterable<Line>): AsyncGenerator<CsvRecord> {
  let reader = new RecordReader()
  let text = ''
  let first: Line | undefined
  let end = 0
  const record = (fields: CsvRecord['fields']): CsvRecord => {
    const made = { text: text.slice(0, -1), number: first!.number, end, fields }
    reader = new RecordReader()
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
    if (line.tooLong || text.length > LINE_LIMIT) yield record(new SyntaxError(TOO_LONG))
    else {
      let fields: CsvRecord['fields'] | undefined
      try {
        fields = reader.take(content)
      } catch (error) {
        fields = error as SyntaxError
      }
      if (fields !== undefined) yield record(fields)
    }
  }
  if (first !== undefined) yield record(new SyntaxError('a quote is not closed'))
}
