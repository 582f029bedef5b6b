const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

/** A figure with about three digits that count. */
export function show(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (Math.abs(value) >= 1000) return grouped.format(Number(value.toPrecision(3)))
  return String(Number(value.toPrecision(3)))
}

export const showRatio = (ratio: number): string => `${show(ratio)}\u00a0×`

/** A point of a growth curve. */
export const showPoint = (point: number): string => grouped.format(point)

/** Half the distance between the lowest and the highest round, of the middle. */
export const spreadOf = (values: readonly number[], middle: number): string =>
  `±${Math.round(((Math.max(...values) - Math.min(...values)) / 2 / middle) * 100)} %`
