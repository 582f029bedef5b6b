import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import type { Figures, Percentiles } from './snapshot.ts'

const NANOSECONDS = 1e6
const LONGEST = 24 * 3600 * 1000 * NANOSECONDS

const newHistogram = (): RecordableHistogram => createHistogram({ lowest: 1, highest: LONGEST, figures: 3 })

/** Counts and times of a span; all times in milliseconds. */
export class Tally {
  records = 0
  bytes = 0
  time = 0
  longest = 0
  failed = 0
  failureTime = 0
  abandoned = 0
  readonly errors: Map<string, number> = new Map()
  readonly #histogram = newHistogram()

  processed(time: number, bytes: number): void {
    this.records++
    this.bytes += bytes
    this.time += time
    if (time > this.longest) this.longest = time
    // The native HDR histogram takes whole numbers from 1.
    const nanoseconds = Math.round(time * NANOSECONDS)
    this.#histogram.record(Math.max(1, Math.min(nanoseconds, LONGEST)))
  }

  error(code: string): void {
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1)
  }

  add(other: Tally): void {
    this.records += other.records
    this.bytes += other.bytes
    this.time += other.time
    this.longest = Math.max(this.longest, other.longest)
    this.failed += other.failed
    this.failureTime += other.failureTime
    this.abandoned += other.abandoned
    for (const [code, count] of other.errors) this.errors.set(code, (this.errors.get(code) ?? 0) + count)
    this.#histogram.add(other.#histogram)
  }

  reset(): void {
    this.records = this.bytes = this.time = this.longest = 0
    this.failed = this.failureTime = this.abandoned = 0
    this.errors.clear()
    this.#histogram.reset()
  }

  /** The figures over `elapsed` milliseconds, in `up` of which the store was up. */
  figures(elapsed: number, up: number): Figures {
    const perSecond = (count: number): number => (elapsed > 0 ? (count / elapsed) * 1000 : Number.NaN)
    return {
      elapsed,
      records: this.records,
      throughput: perSecond(this.records),
      bytes: this.bytes,
      bytesPerSecond: perSecond(this.bytes),
      latency: this.time / this.records,
      percentiles: this.#percentiles(),
      failed: this.failed,
      failureLatency: this.failureTime / this.failed,
      abandoned: this.abandoned,
      errors: Object.fromEntries(this.errors),
      availability: elapsed > 0 ? up / elapsed : Number.NaN,
    }
  }

  #percentiles(): Percentiles {
    const max = this.records === 0 ? Number.NaN : this.longest
    const at = (percent: number): number => Math.min(this.#histogram.percentile(percent) / NANOSECONDS, max)
    return { p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max }
  }
}
