import type { FileHandle } from 'node:fs/promises'

const NEWLINE = 0x0a

/** How much is read at a time, in bytes. */
const CHUNK = 256 * 1024

/** A line of a file. */
export interface Line {
  /** Without the newline, and only the beginning where it is too long. Valid until more is read. */
  readonly bytes: Buffer
  /** Where it begins in the file. */
  readonly begin: number
  /** Where the line after it begins. */
  readonly end: number
  readonly tooLong: boolean
}

/** The lines of a file from an offset on, in memory that is bounded by the longest line that is taken. */
export class LineReader {
  readonly #file: FileHandle
  readonly #limit: number
  #buffer = Buffer.allocUnsafe(CHUNK)
  /** Where the buffer begins in the file. */
  #offset: number
  /** The part of the buffer that was read and not given. */
  #from = 0
  #to = 0
  /** Up to where there is no newline. */
  #searched = 0
  /** The beginning of a line that is too long, and where it begins; its rest is passed over. */
  #head: { readonly bytes: Buffer; readonly begin: number } | undefined

  constructor(file: FileHandle, from: number, limit: number) {
    this.#file = file
    this.#offset = from
    this.#limit = limit
  }

  /** The next whole line, if it was read already; else {@link more} must be called. */
  next(): Line | undefined {
    const newline = this.#buffer.subarray(0, this.#to).indexOf(NEWLINE, this.#searched)
    if (newline >= 0) return this.#line(newline, newline + 1)
    this.#searched = this.#to
    return undefined
  }

  /** What is left at the end of the file: a line without a newline. */
  rest(): Line | undefined {
    return this.#to > this.#from || this.#head !== undefined ? this.#line(this.#to, this.#to) : undefined
  }

  /** How far the file was read. */
  get end(): number {
    return this.#offset + this.#to
  }

  /** Reads on; gives whether there was more. */
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

  /** Keeps the beginning of a line that is too long, and drops what was read of the rest. */
  #passOver(): void {
    this.#head ??= {
      bytes: Buffer.from(this.#buffer.subarray(this.#from, this.#from + this.#limit)),
      begin: this.#offset + this.#from,
    }
    this.#from = this.#to
  }
}
