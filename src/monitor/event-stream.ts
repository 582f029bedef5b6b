import type { ServerResponse } from 'node:http'
import type { MonitorEvent } from './observer.ts'

/** How soon a page that lost its connection comes back, in milliseconds. */
const RETRY = 1_000

/**
 * The server-sent events of one page: an overview, then what happens. A page that reads too slowly is sent nothing until
 * it has read all, and then an overview again: it is never behind by more than a connection's buffers hold.
 */
export class EventStream {
  readonly #overview: () => string
  readonly #response: ServerResponse
  #behind = false

  /** @param overview what all is now, as {@link EventStream.frame} has it */
  constructor(overview: () => string, response: ServerResponse) {
    this.#overview = overview
    this.#response = response
    response.write(`retry: ${RETRY}\n\n`)
    response.write(overview())
    response.on('drain', () => {
      if (!this.#behind) return
      this.#behind = false
      response.write(this.#overview())
    })
  }

  /** @param text the event as {@link EventStream.frame} has it, made once for all pages */
  send(text: string): void {
    if (this.#response.writableNeedDrain) this.#behind = true
    else this.#response.write(text)
  }

  end(): void {
    this.#response.end()
  }

  static frame({ type, data }: MonitorEvent): string {
    return `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`
  }
}
