/** The metrics are kept under keys that begin so; what follows is the host and the metric. */
export const METRICS = 'metric/'

/** What one look at a host gave of one metric. */
export interface Reading {
  readonly host: string
  /** `cpu`, `memory`, `zookeeper/localhost:2181/latency`, … */
  readonly metric: string
  readonly value: number
  readonly unit: string
  /** When, by the host's clock, in milliseconds. */
  readonly at: number
  /** The time until the next reading, in milliseconds. */
  readonly interval: number
}

/** What is known of a metric of a host. */
export interface Metric extends Pick<Reading, 'unit' | 'at' | 'interval'> {
  readonly last: number
  readonly min: number
  readonly max: number
  /** The moving average: a reading counts the less the older it is. */
  readonly average: number
  /** How many there were. */
  readonly readings: number
}

/** A reading that is so old counts 1/e of a new one, in milliseconds. */
const WINDOW = 60_000

export const metricKey = ({ host, metric }: Pick<Reading, 'host' | 'metric'>): string =>
  `${METRICS}${host}/${metric}`

/** A metric after one more reading. */
export function addReading({ value, unit, at, interval }: Reading, known: Metric | undefined): Metric {
  const { min, max, average, readings, at: before } = known ?? first(value, at)
  // The plain average until there is a window full of readings.
  const weight = Math.max(1 / (readings + 1), 1 - Math.exp((before - at) / WINDOW))
  return {
    last: value,
    min: Math.min(min, value),
    max: Math.max(max, value),
    average: average + weight * (value - average),
    readings: readings + 1,
    unit,
    at,
    interval,
  }
}

const first = (value: number, at: number) => ({ min: value, max: value, average: value, readings: 0, at })
