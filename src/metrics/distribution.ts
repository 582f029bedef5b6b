import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import type { Percentiles } from './snapshot.ts'

/** The largest number that the histogram can hold: a day in nanoseconds. */
const LARGEST = 24 * 3600 * 1e9

/** The distribution of values: number, sum and maximum exactly, percentiles from Node's own HDR histogram. */
export class Distribution {
  count = 0
  sum = 0
  largest = 0
  /** The histogram takes integers from 1, so values are multiplied by this first. */
  readonly #scale: number
  /** Takes 140 KB, so it is made when first needed. */
  #histogram: RecordableHistogram | undefined

  constructor(scale: number) {
    this.#scale = scale
  }

  get mean(): number {
    return this.sum / this.count
  }

  record(value: number): void {
    this.count++
    this.sum += value
    if (value > this.largest) this.largest = value
    this.#histogram ??= newHistogram()
    this.#histogram.record(Math.max(1, Math.min(Math.round(value * this.#scale), LARGEST)))
  }

  add(other: Distribution): void {
    if (other.#histogram === undefined) return
    this.count += other.count
    this.sum += other.sum
    this.largest = Math.max(this.largest, other.largest)
    this.#histogram ??= newHistogram()
    this.#histogram.add(other.#histogram)
  }

  reset(): void {
    if (this.count === 0) return
    this.count = this.sum = this.largest = 0
    this.#histogram?.reset()
  }

  percentiles(): Percentiles {
    const max = this.count === 0 ? Number.NaN : this.largest
    const at = (percent: number): number =>
      Math.min((this.#histogram?.percentile(percent) ?? Number.NaN) / this.#scale, max)
    return { p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max }
  }
}

const newHistogram = (): RecordableHistogram => createHistogram({ lowest: 1, highest: LARGEST, figures: 3 })

/** Times in milliseconds, kept in nanoseconds. */
export const newTimes = (): Distribution => new Distribution(1e6)
