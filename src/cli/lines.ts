/** A line of a file or stream. */
export interface Line {
  readonly text: string
  /** Counted from 1. */
  readonly number: number
  /** Where the line after it begins, in bytes. */
  readonly end: number
  /** Whether it ends with a newline: a last line that does not may be torn. */
  readonly whole: boolean
}

const NEWLINE = 0x0a

/** Where reading begins. */
export interface Start {
  readonly number: number
  readonly end: number
}

/** The lines of a stream of bytes that begins after `start`; empty ones, too, and the last one without a newline. */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  start: Start = { number: 0, end: 0 },
): AsyncGenerator<Line> {
  let { number, end } = start
  let pieces: Uint8Array[] = []
  const line = (last: Uint8Array, whole: boolean): Line => {
    const bytes = pieces.length === 0 ? last : Buffer.concat([...pieces, last])
    pieces = []
    end += bytes.length + (whole ? 1 : 0)
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()
    return { text: text.endsWith('\r') ? text.slice(0, -1) : text, number: ++number, end, whole }
  }
  for await (const chunk of chunks) {
    let from = 0
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      yield line(chunk.subarray(from, at), true)
      from = at + 1
    }
    if (from < chunk.length) pieces.push(chunk.subarray(from))
  }
  if (pieces.length > 0) yield line(new Uint8Array(), false)
}
