import type { Socket } from 'node:net'

/** Each answer of a broker begins with its size, a number of 32 bits, and then a number of 32 bits for the request. */
const SIZE = 4

/** The largest answer, in bytes. */
const LARGEST = 2 ** 30

/**
 * Puts what comes from a broker into whole answers.
 *
 * kafkajs keeps the beginning of an answer that it has half received when the connection is lost, and takes what comes
 * over the next one for its end: requests then hang, or its socket handler throws, which ends the process. Who is only
 * given whole answers keeps nothing.
 */
export class Frames {
  readonly #take: (answers: Buffer) => void
  #chunks: Buffer[] = []
  #held = 0
  /** How many bytes are to be held before anything can be given. */
  #needed = SIZE

  constructor(take: (answers: Buffer) => void) {
    this.#take = take
  }

  /** Throws where this is no answer of Kafka's. */
  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#held += chunk.length
    if (this.#held < this.#needed) return
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#held)
    let end = 0
    while (bytes.length - end >= SIZE) {
      const size = bytes.readInt32BE(end)
      if (size < SIZE || size > LARGEST) throw new Error(`an answer of ${size} bytes: this is not Kafka`)
      this.#needed = SIZE + size
      if (bytes.length - end < this.#needed) break
      end += this.#needed
      this.#needed = SIZE
    }
    const rest = bytes.subarray(end)
    this.#chunks = [rest]
    this.#held = rest.length
    if (end > 0) this.#take(bytes.subarray(0, end))
  }
}

/** From now on, listeners to the data of this socket are given whole answers. */
export function inFrames(socket: Socket): Socket {
  const on = socket.on.bind(socket) as (event: string, listener: (...args: never[]) => void) => Socket
  socket.on = (event: string, listener: (...args: never[]) => void): Socket => {
    if (event !== 'data') return on(event, listener)
    const frames = new Frames(listener as (answers: Buffer) => void)
    return on('data', (chunk: Buffer) => {
      try {
        frames.push(chunk)
      } catch (error) {
        socket.destroy(error as Error)
      }
    })
  }
  return socket
}
