import { bufferOf } from '../base/bytes.ts'

/** A line of a file or stream. */
export interface Line {
  /** Without the newline; a carriage return before it is kept. */
  readonly text: string
  /** Counted from 1. */
  readonly number: number
  /** The offset of the next line, in bytes. */
  readonly end: number
  /** Whether it ends with a newline: a last line without one may be incomplete. */
  readonly whole: boolean
  /** Whether it is longer than {@link LINE_LIMIT}: `text` is its beginning, and the rest is skipped. */
  readonly tooLong: boolean
}

const NEWLINE = 0x0a

/** The longest line to read, in bytes: far more than a store takes, far less than a process can hold. */
export const LINE_LIMIT: number = 64 * 1024 * 1024

/** The message for a longer one. */
export const TOO_LONG: string = `the line is longer than ${LINE_LIMIT / 1024 / 1024} MiB`

/** How much of a line that is too long to show, in bytes. */
const BEGINNING = 1024

/** Where reading begins. */
export interface Start {
  readonly number: number
  readonly end: number
}

/** The lines of a byte stream that begins at `start`, including empty ones and a last one without a newline. */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  start: Start = { number: 0, end: 0 },
): AsyncGenerator<Line> {
  let { number, end: begin } = start
  let pieces: Uint8Array[] = []
  let length = 0
  let passingOver = false
  const line = (whole: boolean): Line => {
    const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
    const shown = passingOver ? Math.min(BEGINNING, bytes.length) : bytes.length
    pieces = []
    return {
      text: bufferOf(bytes).toString('utf8', 0, shown),
      number: number + 1,
      end: begin + length + (whole ? 1 : 0),
      whole,
      tooLong: passingOver,
    }
  }
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.length; ) {
      const newline = chunk.indexOf(NEWLINE, from)
      const to = newline < 0 ? chunk.length : newline
      length += to - from
      if (!passingOver) {
        pieces.push(chunk.subarray(from, to))
        passingOver = length > LINE_LIMIT
        if (passingOver || newline >= 0) yield line(newline >= 0)
      }
      from = to + 1
      if (newline < 0) break
      number++
      begin += length + 1
      length = 0
      passingOver = false
    }
  }
  if (length > 0 && !passingOver) yield line(false)
}
