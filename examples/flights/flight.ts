import type { Kind } from './input/kind.ts'

/** A flight, and where in the input it stands. */
export interface Flight {
  readonly origin: string
  readonly destination: string
  /** In minutes; negative where it was early. */
  readonly delay: number
  /** 1 for the first of the input. */
  readonly position: number
  /** What it takes of the input. */
  readonly bytes: number
}

/** Letters and digits only, so that the key of a route is not ambiguous. */
const AIRPORT = /^\w+$/

export const FLIGHT: Kind<Flight> = {
  columns: ['origin', 'destination', 'delay'],
  of(fields, position, bytes) {
    if (typeof fields !== 'object' || fields === null) throw new Error('not an object')
    const { origin, destination, delay } = fields as Record<string, unknown>
    return {
      origin: airport('origin', origin),
      destination: airport('destination', destination),
      delay: minutes(delay),
      position,
      bytes,
    }
  },
}

function airport(name: string, value: unknown): string {
  if (typeof value === 'string' && AIRPORT.test(value)) return value
  throw new Error(`"${name}" must be the code of an airport, got ${shown(value)}`)
}

function minutes(value: unknown): number {
  // CSV has only text, Parquet has 64-bit integers.
  const delay = value === '' || value === null ? Number.NaN : Number(value)
  if (Number.isFinite(delay)) return delay
  throw new Error(`"delay" must be a number of minutes, got ${shown(value)}`)
}

export const shown = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value))
