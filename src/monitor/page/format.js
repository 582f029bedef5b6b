const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 })
const precise = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 })
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const percentage = new Intl.NumberFormat('en', { maximumFractionDigits: 2 })
const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
})

/** @typedef {import('../wire.ts').Figure} Figure */

const NONE = '–'

/** @param {Figure | undefined} value */
export const number = value =>
  value == null ? NONE : value < 10_000 ? precise.format(value) : compact.format(value)

/** @param {Figure | undefined} value */
export const count = value => (value == null ? NONE : whole.format(value))

/** @param {Figure | undefined} value */
export const milliseconds = value => (value == null ? NONE : `${number(value)} ms`)

/** @param {Figure | undefined} value a share, from 0 to 1 */
export const percent = value => {
  if (value == null) return NONE
  // Less than 100 % must not look like 100 %.
  const shown = value < 1 ? Math.min(value * 100, 99.99) : 100
  return percentage.format(shown)
}

/** @param {number} at */
export const time = at => clock.format(at)

/** A time on an axis, as short as possible.
 * @param {number} seconds
 */
export const axisTime = seconds =>
  seconds % 60 === 0 ? time(seconds * 1000).slice(0, 5) : `:${seconds % 60}`

/** @param {number} bytes */
export const size = bytes =>
  bytes < 1024
    ? `${bytes} B`
    : bytes < 1024 ** 2
      ? `${precise.format(bytes / 1024)} KiB`
      : `${precise.format(bytes / 1024 ** 2)} MiB`

/** @param {number} duration in milliseconds */
export const duration = duration => {
  const seconds = Math.max(0, Math.round(duration / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
