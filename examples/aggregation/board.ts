import { clearScreenDown, cursorTo, moveCursor } from 'node:readline'
import { table } from '../table.ts'
import { HOURS, type Top } from './last-day.ts'

/** How often what is shown may change, in milliseconds. */
export const REFRESH = 250

const whole = new Intl.NumberFormat('en-US')
const tenths = new Intl.NumberFormat('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 })

/** A table of the airports. */
export function topTable({ until, airports }: Top): string {
  if (until === undefined) return 'No flights yet.'
  const end = new Date(until).toISOString().slice(0, 16).replace('T', ' ')
  const rows = airports.map(({ airport, flights, minutes }) => [
    airport,
    whole.format(flights),
    whole.format(minutes),
    tenths.format(minutes / flights),
  ])
  return [
    `Most delayed airports of the ${HOURS} hours before ${end} (delays in minutes)`,
    '',
    table(['airport', 'flights', 'delay', 'per flight'], rows),
  ].join('\n')
}

/** Shows one text after the other: on a terminal in the same place, else below each other. */
export class Board {
  readonly #stream: NodeJS.WriteStream
  #lines = 0

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
  }

  show(text: string): void {
    this.clear()
    this.#stream.write(`${text}\n\n`)
    if (this.#stream.isTTY) this.#lines = text.split('\n').length + 1
  }

  clear(): void {
    if (this.#lines === 0) return
    moveCursor(this.#stream, 0, -this.#lines)
    cursorTo(this.#stream, 0)
    clearScreenDown(this.#stream)
    this.#lines = 0
  }
}
