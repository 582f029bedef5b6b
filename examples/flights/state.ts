import type { Flight } from './flight.ts'

/** What is known of a route; kept under `ORIGIN-DESTINATION`. */
export interface Route {
  readonly flights: number
  /** In minutes. */
  readonly meanDelay: number
  /** In minutes. */
  readonly worstDelay: number
}

/** How far an input has been counted; kept under `input:FILE`. */
export interface Position {
  readonly counted: number
}

/** The values of the store. */
export type State = Route | Position

export const isRoute = (state: State): state is Route => 'flights' in state

export const routeOf = ({ origin, destination }: Flight): string => `${origin}-${destination}`

export const positionKey = (file: string): string => `input:${file}`

/** Whether a key is one of those above, and not of somebody else who uses the same store. */
export const isKeyOfState = (key: string): boolean => /^\w+-\w+$|^input:/.test(key)

const none: Route = { flights: 0, meanDelay: 0, worstDelay: Number.NEGATIVE_INFINITY }

/** A route after one more flight. */
export function addFlight({ delay }: Flight, state: State | undefined): Route {
  const { flights, meanDelay, worstDelay } = state !== undefined && isRoute(state) ? state : none
  return {
    flights: flights + 1,
    meanDelay: meanDelay + (delay - meanDelay) / (flights + 1),
    worstDelay: Math.max(worstDelay, delay),
  }
}
