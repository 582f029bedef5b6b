import { clearLine, cursorTo } from 'node:readline'
import type { WriteStream } from 'node:tty'
import type { Snapshot } from 'rxkeeper'
import { count, megabytes } from './report.ts'

/** How often the progress is shown, in milliseconds. */
export const INTERVAL = 250

/** One line on a terminal that is written again and again, and gone at the end; nothing where there is no terminal. */
export class Progress {
  readonly #terminal: WriteStream | undefined

  constructor(stream: NodeJS.WriteStream) {
    this.#terminal = stream.isTTY ? stream : undefined
  }

  show({ total, interval }: Snapshot): void {
    const parts = [
      `${count(total.records)} flights`,
      `${count(interval.throughput)} flights/s`,
      `${megabytes(interval.bytesPerSecond)}/s`,
    ]
    this.#rewrite(parts.join('   '))
  }

  end(): void {
    this.#rewrite('')
  }

  #rewrite(text: string): void {
    if (this.#terminal === undefined) return
    cursorTo(this.#terminal, 0)
    clearLine(this.#terminal, 0)
    this.#terminal.write(text)
  }
}
