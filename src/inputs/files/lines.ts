import type { FileHandle } from 'node:fs/promises'

const NEWLINE = 0x0a

/** The size of one read, in bytes. */
const CHUNK = 256 * 1024

/** A line of a file. */
export interface Line {
  /** Without the newline; only the beginning of a line that is too long. Valid until more is read. */
  readonly bytes: Buffer
  /** Its offset in the file. */
  readonly begin: number
  /** The offset of the next line. */
  readonly end: number
  readonly tooLong: boolean
}

/** Reads the lines of a file from an offset on, with memory bounded by the longest line allowed. */
export class LineReader {
  readonly #file: FileHandle
  readonly #limit: number
  #buffer = Buffer.allocUnsafe(CHUNK)
  /** The offset of the buffer in the file. */
  #offset: number
  /** The part of the buffer that was read and not yet returned. */
  #from = 0
  #to = 0
  /** No newline comes before this. */
  #searched = 0
  /** The beginning of a line that is too long, and its offset; the rest is skipped. */
  #head: { readonly bytes: Buffer; readonly begin: number } | undefined

  constructor(file: FileHandle, from: number, limit: number) {
    this.#file = file
    this.#offset = from
    this.#limit = limit
  }

  /** The next whole line, if it has been read; otherwise call {@link more}. */
  next(): Line | undefined {
    const newline = this.#buffer.subarray(0, this.#to).indexOf(NEWLINE, this.#searched)
    if (newline >= 0) return this.#line(newline, newline + 1)
    this.#searched = this.#to
    return undefined
  }

  /** The remainder at the end of the file: a line without a newline. */
  rest(): Line | undefined {
    return this.#to > this.#from || this.#head !== undefined ? this.#line(this.#to, this.#to) : undefined
  }

  /** The offset up to which the file was read. */
  get end(): number {
    return this.#offset + this.#to
  }

  /** Reads on; returns whether there was more. */
  async more(): Promise<boolean> {
    this.#makeRoom()
    const { bytesRead } = await this.#file.read(
      this.#buffer,
      this.#to,
      this.#buffer.length - this.#to,
      this.#offset + this.#to,
    )
    this.#to += bytesRead
    return bytesRead > 0
  }

  #line(to: number, next: number): Line {
    const head = this.#head
    this.#head = undefined
    const begin = head?.begin ?? this.#offset + this.#from
    const tooLong = head !== undefined || to - this.#from > this.#limit
    const bytes = head?.bytes ?? this.#buffer.subarray(this.#from, Math.min(to, this.#from + this.#limit))
    this.#from = next
    this.#searched = next
    return { bytes, begin, end: this.#offset + next, tooLong }
  }

  #makeRoom(): void {
    if (this.#to - this.#from > this.#limit || this.#head !== undefined) this.#passOver()
    const partial = this.#to - this.#from
    if (partial > this.#buffer.length / 2) {
      const larger = Buffer.allocUnsafe(this.#buffer.length * 2)
      this.#buffer.copy(larger, 0, this.#from, this.#to)
      this.#buffer = larger
    } else if (this.#from > 0) this.#buffer.copyWithin(0, this.#from, this.#to)
    this.#offset += this.#from
    this.#searched -= this.#from
    this.#from = 0
    this.#to = partial
  }

  /** Keeps the beginning of a line that is too long, and drops the rest that was read. */
  #passOver(): void {
    this.#head ??= {
      bytes: Buffer.from(this.#buffer.subarray(this.#from, this.#from + this.#limit)),
      begin: this.#offset + this.#from,
    }
    this.#from = this.#to
  }
}
