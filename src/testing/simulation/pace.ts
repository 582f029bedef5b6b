/** How many bytes a line carries in a millisecond where nothing is wrong with it. */
export const FULL_RATE = 100_000

/** How a line is at a moment. */
export interface Pace {
  readonly latency: number
  readonly rate: number
  /** Until when it carries no more than that. */
  readonly slowUntil: number
  readonly stalledUntil: number
}

/** When so many bytes are through that begin at a time: what is slow for a time is not slow afterwards. */
export function sent(bytes: number, from: number, { rate, slowUntil }: Pace): number {
  const slow = Math.min(bytes, Math.max(0, slowUntil - from) * rate)
  return from + slow / rate + (bytes - slow) / FULL_RATE
}
