/** No reply of a server is larger; a length beyond it is a sign of lost framing. */
const MAX_FRAME = 0x3fff_ffff

/**
 * Cuts the bytes of one connection into frames (four bytes of length, then as many bytes), in time that is linear in
 * the bytes, however they are split into chunks. A frame that came in one chunk is a view of that chunk.
 */
export class FrameReader {
  readonly #onFrame: (frame: Buffer) => void
  #stopped = false
  // The length of the next frame while its four bytes come one by one, and how many have come.
  #length = 0
  #lengthBytes = 0
  #partial: Buffer | undefined
  #filled = 0

  constructor(onFrame: (frame: Buffer) => void) {
    this.#onFrame = onFrame
  }

  /** Whether a frame has begun that is not complete. */
  get midFrame(): boolean {
    return this.#partial !== undefined
  }

  /** Hands out no frame from here on. */
  stop(): void {
    this.#stopped = true
    this.#partial = undefined
  }

  /** Takes the next bytes; throws a RangeError where they can not be a frame. */
  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length && !this.#stopped) {
      const partial = this.#partial
      if (partial !== undefined) {
        const taken = Math.min(partial.length - this.#filled, chunk.length - at)
        partial.set(chunk.subarray(at, at + taken), this.#filled)
        at += taken
        this.#filled += taken
        if (this.#filled < partial.length) return
        this.#partial = undefined
        this.#onFrame(partial)
      } else if (this.#lengthBytes === 0 && chunk.length - at >= 4) {
        const length = chunk.readInt32BE(at)
        at = this.#begin(length, chunk, at + 4)
      } else {
        this.#length = (this.#length << 8) | chunk[at]!
        at++
        if (++this.#lengthBytes < 4) continue
        const length = this.#length
        this.#length = 0
        this.#lengthBytes = 0
        at = this.#begin(length, chunk, at)
      }
    }
  }

  /** Begins a frame at `at`; returns where to read on. */
  #begin(length: number, chunk: Buffer, at: number): number {
    if (length < 0 || length > MAX_FRAME) throw new RangeError(`a frame of ${length} bytes`)
    const end = at + length
    if (end <= chunk.length) {
      this.#onFrame(chunk.subarray(at, end))
      return end
    }
    this.#partial = Buffer.allocUnsafeSlow(length)
    this.#filled = 0
    return at
  }
}
