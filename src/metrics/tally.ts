import { type Distribution, newTimes } from './distribution.ts'
import { ErrorCounts } from './error-counts.ts'
import type { Figures } from './snapshot.ts'

/** Counts and times of a span; all times in milliseconds. */
export class Tally {
  bytes = 0
  failed = 0
  failureTime = 0
  abandoned = 0
  readonly times: Distribution = newTimes()
  readonly errors: ErrorCounts = new ErrorCounts()

  processed(time: number, bytes: number): void {
    this.bytes += bytes
    this.times.record(time)
  }

  add(other: Tally): void {
    this.bytes += other.bytes
    this.failed += other.failed
    this.failureTime += other.failureTime
    this.abandoned += other.abandoned
    this.times.add(other.times)
    this.errors.add(other.errors)
  }

  reset(): void {
    this.bytes = this.failed = this.failureTime = this.abandoned = 0
    this.times.reset()
    this.errors.reset()
  }

  /** The figures over `elapsed` milliseconds, in `up` of which the store was up. */
  figures(elapsed: number, up: number): Figures {
    const { times } = this
    return {
      elapsed,
      records: times.count,
      throughput: perSecond(times.count, elapsed),
      bytes: this.bytes,
      bytesPerSecond: perSecond(this.bytes, elapsed),
      latency: times.mean,
      percentiles: times.percentiles(),
      failed: this.failed,
      failureLatency: this.failureTime / this.failed,
      abandoned: this.abandoned,
      errors: this.errors.toRecord(),
      availability: share(up, elapsed),
    }
  }
}

/** `count` in `elapsed` milliseconds, for a second; NaN where no time has passed. */
export const perSecond = (count: number, elapsed: number): number =>
  elapsed > 0 ? (count / elapsed) * 1000 : Number.NaN

/** `part` of `whole`; NaN where there is nothing to share. */
export const share = (part: number, whole: number): number => (whole > 0 ? part / whole : Number.NaN)
