/** A value that shows whether it is whole. */
export interface Counted {
  readonly count: number
  readonly filling: string
}

/** Long enough to take several pages of the database. */
const LENGTH = 6000

export const counted = (count: number): Counted => ({
  count,
  filling: `${count},`.repeat(LENGTH).slice(0, LENGTH),
})
