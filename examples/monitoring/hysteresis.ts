/** When an alert is raised and cleared. Between `below` and `above` it stays as it is, so that it does not flutter. */
export interface Rule {
  /** Raised when the value has been above this … */
  readonly above: number
  /** … for so many readings in a row; cleared when it is below this. */
  readonly readings: number
  readonly below: number
}

/** What is known of an alert. */
export interface Alert {
  readonly state: 'clear' | 'pending' | 'raised'
  /** The reading that brought it there; no value where the metric was deleted. */
  readonly value: number | undefined
  readonly at: number
  /** How many readings in a row were above, until it was raised. */
  readonly readings: number
}

/**
 * The alert after one more reading; the same object where nothing changes. It depends on nothing else, so `processKV` can
 * keep it, and it counts no reading twice: however often it is started, and with however many processes that judge
 * the same readings, an alert is raised once.
 */
export function judge(
  { above, below, readings }: Rule,
  { value, at }: Pick<Alert, 'value' | 'at'>,
  alert: Alert | undefined,
): Alert | undefined {
  if (alert !== undefined && at <= alert.at) return alert
  const clear: Alert = { state: 'clear', value, at, readings: 0 }
  if (alert?.state === 'raised') return value === undefined || value < below ? clear : alert
  if (value === undefined || value <= above) return alert?.state === 'pending' ? clear : alert
  const count = (alert?.readings ?? 0) + 1
  return { state: count < readings ? 'pending' : 'raised', value, at, readings: count }
}
