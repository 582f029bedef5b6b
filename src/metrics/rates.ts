/** `count` in `elapsed` milliseconds, for a second; NaN where no time has passed. */
export const perSecond = (count: number, elapsed: number): number =>
  elapsed > 0 ? (count / elapsed) * 1000 : Number.NaN

/** `part` of `whole`; NaN where there is nothing to share. */
export const share = (part: number, whole: number): number => (whole > 0 ? part / whole : Number.NaN)
