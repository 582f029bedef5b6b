import type { Socket } from 'node:net'

/** Each answer of a broker begins with its size and the number of its request, 32 bits each. */
const SIZE = 4

/** The largest answer, in bytes. */
const LARGEST = 2 ** 30

/**
 * Assembles a broker's data into whole answers.
 *
 * When a connection is lost in the middle of an answer, kafkajs keeps the part it has received and takes the data of
 * the next connection for the rest: requests hang, or its socket handler throws, which ends the process. If it only
 * ever gets whole answers, it keeps nothing.
 */
export class Frames {
  readonly #take: (answers: Buffer) => void
  #chunks: Buffer[] = []
  #held = 0
  /** How many bytes must arrive before anything can be passed on. */
  #needed = SIZE

  constructor(take: (answers: Buffer) => void) {
    this.#take = take
  }

  /** Throws where this is not an answer of Kafka. */
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

/** From now on, `data` listeners of this socket get whole answers. */
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
