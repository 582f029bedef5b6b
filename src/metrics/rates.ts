/** `count` in `elapsed` milliseconds, for a second; NaN where no time has passed. */
export const perSecond = (count: number, elapsed: number): number =>
  elapsed > 0 ? (count / elapsed) * 1000 : Number.NaN

/** `part` of `whole`, from 0 to 1 whatever the rounding; NaN where there is nothing to share. */
export const share = (part: number, whole: number): number =>
  whole > 0 ? Math.min(part / whole, 1) : Number.NaN
