import { calling } from './arguments.ts'

/** The event time of a record, in milliseconds, by the user's `timeOf`. */
export const timeIn = <T>(timeOf: (record: T) => number | Date, record: T): number =>
  calling('timeOf', () => {
    const given = timeOf(record)
    const time = given instanceof Date ? given.getTime() : given
    if (Number.isFinite(time)) return time
    throw new TypeError(`not a number of milliseconds or a valid Date: ${String(given)}`)
  })
