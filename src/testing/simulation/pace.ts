/** The rate of a line without faults, in bytes per millisecond. */
export const FULL_RATE = 100_000

/** The condition of a line at one moment. */
export interface Pace {
  readonly latency: number
  readonly rate: number
  /** When it stops being that slow. */
  readonly slowUntil: number
  readonly stalledUntil: number
}

/** When this many bytes, sent from a given time on, have been carried; the line is slow only until `slowUntil`. */
export function sent(bytes: number, from: number, { rate, slowUntil }: Pace): number {
  const slow = Math.min(bytes, Math.max(0, slowUntil - from) * rate)
  return from + slow / rate + (bytes - slow) / FULL_RATE
}
