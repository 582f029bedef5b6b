/** Writes ZooKeeper's wire format: the counterpart of what the engine reads. */
export class JuteWriter {
  readonly #parts: Buffer[] = []
  #length = 0

  #add(part: Buffer): this {
    this.#parts.push(part)
    this.#length += part.length
    return this
  }

  int(value: number): this {
    const part = Buffer.allocUnsafe(4)
    part.writeInt32BE(value | 0)
    return this.#add(part)
  }

  /** A 64-bit integer, up to 2^53. */
  long(value: number): this {
    const part = Buffer.allocUnsafe(8)
    part.writeBigInt64BE(BigInt(value))
    return this.#add(part)
  }

  bool(value: boolean): this {
    return this.#add(Buffer.from([value ? 1 : 0]))
  }

  buffer(value: Uint8Array | null): this {
    if (value === null) return this.int(-1)
    return this.int(value.length).bytes(value)
  }

  string(value: string): this {
    return this.buffer(Buffer.from(value))
  }

  /** Raw bytes, without a length. */
  bytes(value: Uint8Array): this {
    return this.#add(Buffer.from(value))
  }

  vector<T>(items: readonly T[], write: (item: T) => void): this {
    this.int(items.length)
    for (const item of items) write(item)
    return this
  }

  /** Everything as one frame, with its length in front. */
  frame(): Buffer {
    const length = Buffer.allocUnsafe(4)
    length.writeInt32BE(this.#length)
    return Buffer.concat([length, ...this.#parts])
  }
}

/** Reads ZooKeeper's wire format; throws a RangeError at the end of the bytes. */
export class JuteReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  int(): number {
    const value = this.#bytes.readInt32BE(this.#at)
    this.#at += 4
    return value
  }

  long(): number {
    const value = this.#bytes.readBigInt64BE(this.#at)
    this.#at += 8
    return Number(value)
  }

  bool(): boolean {
    return this.#bytes.readUInt8(this.#at++) !== 0
  }

  buffer(): Buffer | null {
    const length = this.int()
    if (length < 0) return null
    const end = this.#at + length
    if (end > this.#bytes.length) throw new RangeError('cut short')
    const value = Buffer.from(this.#bytes.subarray(this.#at, end))
    this.#at = end
    return value
  }

  /** This many raw bytes. */
  raw(length: number): Buffer {
    const value = Buffer.from(this.#bytes.subarray(this.#at, this.#at + length))
    this.#at += length
    return value
  }

  string(): string {
    return this.buffer()?.toString() ?? ''
  }

  vector<T>(read: () => T): T[] {
    const items: T[] = []
    for (let left = this.int(); left > 0; left--) items.push(read())
    return items
  }
}
