/** Parses the fields of one CSV record (RFC 4180), which may span several lines. */
export class CsvRecord {
  readonly fields: string[] = []
  readonly #delimiter: string
  /** The beginning of a quoted field that continues on the next line. */
  #open: string | undefined

  constructor(delimiter: string) {
    this.#delimiter = delimiter
  }

  /** Takes the next line, without its newline; returns whether the record is complete. */
  add(line: string): boolean {
    if (this.#open === undefined && !line.includes('"')) {
      // Most lines are like this, and this is by far the fastest way.
      const end = line.endsWith('\r') ? -1 : undefined
      for (const field of line.slice(0, end).split(this.#delimiter)) this.fields.push(field)
      return true
    }
    let at = 0
    if (this.#open !== undefined) {
      at = this.#quoted(line, 0, `${this.#open}\n`)
      if (at < 0) return false
    }
    while (at <= line.length) {
      if (line[at] === '"') {
        at = this.#quoted(line, at + 1, '')
        if (at < 0) return false
      } else at = this.#plain(line, at)
    }
    return true
  }

  /** Returns the start of the next field. */
  #plain(line: string, from: number): number {
    const delimiter = line.indexOf(this.#delimiter, from)
    let to = delimiter < 0 ? line.length : delimiter
    const next = to + 1
    if (delimiter < 0 && line[to - 1] === '\r' && to > from) to--
    const field = line.slice(from, to)
    if (field.includes('"'))
      throw new Error(`field ${this.fields.length + 1} has a quote but does not begin with one`)
    this.fields.push(field)
    return next
  }

  /** As `#plain`, after the opening quote; -1 if the line ends first. */
  #quoted(line: string, from: number, before: string): number {
    let field = before
    for (let at = from; ; ) {
      const quote = line.indexOf('"', at)
      if (quote < 0) {
        this.#open = field + line.slice(at)
        return -1
      }
      field += line.slice(at, quote)
      if (line[quote + 1] !== '"') {
        this.#open = undefined
        this.fields.push(field)
        return this.#afterQuote(line, quote + 1)
      }
      field += '"'
      at = quote + 2
    }
  }

  #afterQuote(line: string, at: number): number {
    if (line[at] === this.#delimiter) return at + 1
    if (at === line.length || (line[at] === '\r' && at + 1 === line.length)) return line.length + 1
    throw new Error(`field ${this.fields.length} goes on after the quote that ends it`)
  }
}
