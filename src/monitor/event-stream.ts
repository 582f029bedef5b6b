import type { ServerResponse } from 'node:http'
import type { MonitorEvent, Observer } from './observer.ts'

/** How soon a page that lost its connection comes back, in milliseconds. */
const RETRY = 1_000

const framed = (type: string, data: unknown): string => `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`

/**
 * The server-sent events of one page: an overview, then what happens. A page that reads too slowly is sent nothing until
 * it has read all, and then an overview again: it is never behind by more than a connection's buffers hold.
 */
export class EventStream {
  readonly #observer: Observer
  readonly #response: ServerResponse
  #behind = false

  constructor(observer: Observer, response: ServerResponse) {
    this.#observer = observer
    this.#response = response
    response.write(`retry: ${RETRY}\n\n`)
    this.#overview()
    response.on('drain', () => {
      if (!this.#behind) return
      this.#behind = false
      this.#overview()
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

  #overview(): void {
    this.#response.write(framed('overview', this.#observer.overview()))
  }

  static frame({ type, data }: MonitorEvent): string {
    return framed(type, data)
  }
}
