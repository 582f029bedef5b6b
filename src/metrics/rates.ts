/** The rate per second of `count` in `elapsed` milliseconds; NaN where no time has passed. */
export const perSecond = (count: number, elapsed: number): number =>
  elapsed > 0 ? (count / elapsed) * 1000 : Number.NaN

/** `part / whole`, kept within 0 and 1 despite rounding; NaN where `whole` is 0. */
export const share = (part: number, whole: number): number =>
  whole > 0 ? Math.min(part / whole, 1) : Number.NaN
