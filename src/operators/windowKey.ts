import { KVError } from '../base/errors.ts'
import { checkKey, quoteKey } from '../contract/keys.ts'

/** The times with a fixed-width form: from the year 0 to before the year 10,000. */
export const FIRST_TIME: number = Date.parse('0000-01-01T00:00:00.000Z')
export const END_OF_TIME: number = Date.parse('9999-12-31T23:59:59.999Z') + 1

/** The key of a record, with `@` and `%` escaped, and a time. */
const WINDOW_KEY = /^((?:[^%@]|%25|%40)+)@(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)$/

/**
 * The common prefix of the store keys of all windows of `key`, and of no others: for `entries$({ prefix })` and
 * `changes$({ prefix })`. Throws `INVALID_KEY`.
 *
 * @example
 * ```ts
 * import { windowPrefix } from 'rxkeeper'
 *
 * console.log(windowPrefix('JFK')) // JFK@
 * console.log(windowPrefix('ann@example.com')) // ann%40example.com@
 * ```
 */
export function windowPrefix(key: string): string {
  checkKey(key, Number.POSITIVE_INFINITY)
  return `${key.replaceAll('%', '%25').replaceAll('@', '%40')}@`
}

/**
 * The store key of `windowKV` for the window of `key` that begins at `start`; with `keep`, also for those that begin a
 * multiple of `keep * every` later. Those of one `key` are in order of time. Throws `INVALID_KEY`, and
 * `INVALID_ARGUMENT` for a time outside the years 0 to 9999.
 *
 * @example
 * ```ts
 * import { parseWindowKey, windowKey } from 'rxkeeper'
 *
 * const key = windowKey('JFK', Date.UTC(2001, 0, 31, 18))
 * console.log(key) // JFK@2001-01-31T18:00:00.000Z
 * console.log(parseWindowKey(key)) // { key: 'JFK', start: 980964000000 }
 * ```
 *
 * @param start in whole milliseconds, or a `Date`
 */
export function windowKey(key: string, start: number | Date): string {
  const time = Number(start)
  if (!Number.isInteger(time) || time < FIRST_TIME || time >= END_OF_TIME) {
    const limits = `whole milliseconds from ${FIRST_TIME} to ${END_OF_TIME - 1}`
    throw new KVError('INVALID_ARGUMENT', `\`start\` must be ${limits}, got ${time} for ${quoteKey(key)}`)
  }
  return windowPrefix(key) + new Date(time).toISOString()
}

/** The record key and the start in a `storeKey` made by {@link windowKey}; `undefined` for any other key. */
export function parseWindowKey(
  storeKey: string,
): { readonly key: string; readonly start: number } | undefined {
  const [, escaped, time] = WINDOW_KEY.exec(storeKey) ?? []
  if (escaped === undefined || time === undefined) return undefined
  const start = Date.parse(time)
  // An invalid date, such as 30 February, is not read as another date.
  if (Number.isNaN(start) || new Date(start).toISOString() !== time) return undefined
  return { key: escaped.replaceAll('%40', '@').replaceAll('%25', '%'), start }
}
