import type { ServerResponse } from 'node:http'
import type { MonitorEvent } from './observer.ts'

/** How soon a page that lost its connection reconnects, in milliseconds. */
const RETRY = 1_000

/**
 * The server-sent events of one page: an overview, then events. A page that reads too slowly gets nothing until it has
 * read everything, and then a new overview: it never lags by more than the buffers of a connection.
 */
export class EventStream {
  readonly #overview: () => string
  readonly #response: ServerResponse
  #behind = false

  /** @param overview the current state, as a {@link EventStream.frame} */
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

  /** @param text the event as a {@link EventStream.frame}, made once for all pages */
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
