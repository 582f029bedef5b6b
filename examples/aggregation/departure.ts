import type { Window } from 'rxkeeper'
import { FLIGHT, shown } from '../flights/flight.ts'
import type { Kind } from '../flights/input/kind.ts'

export const HOUR = 3_600_000

/** A flight, seen from where it leaves. */
export interface Departure {
  readonly airport: string
  /** In milliseconds. Inputs have local times without a zone: all are taken as UTC. */
  readonly time: number
  /** In minutes; negative where it was early. */
  readonly delay: number
  /** What it takes of the input. */
  readonly bytes: number
}

export const DEPARTURE: Kind<Departure> = {
  columns: [...FLIGHT.columns, 'date'],
  of(fields, position, bytes) {
    const { origin: airport, delay } = FLIGHT.of(fields, position, bytes)
    return { airport, time: timeOf((fields as Record<string, unknown>).date), delay, bytes }
  },
}

function timeOf(date: unknown): number {
  const [, year, month, day, time] =
    /^(\d{4})[/-](\d\d)[/-](\d\d)[ T](\d\d:\d\d)/.exec(
      date instanceof Date && !Number.isNaN(date.getTime()) ? date.toISOString() : String(date),
    ) ?? []
  const milliseconds = Date.parse(`${year}-${month}-${day}T${time}Z`)
  if (Number.isFinite(milliseconds)) return milliseconds
  throw new Error(`"date" must be a time such as 2001/01/31 18:05, got ${shown(date)}`)
}

/** The departures of an airport within some time. */
export interface Delay {
  readonly flights: number
  /** All delays together. */
  readonly minutes: number
}

/** The store has the departures of each airport for each hour. */
export type Hour = Window<Delay>

export const addDeparture = ({ delay }: Departure, hour: Delay = { flights: 0, minutes: 0 }): Delay => ({
  flights: hour.flights + 1,
  minutes: hour.minutes + delay,
})
