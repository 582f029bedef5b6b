import { type Distribution, newTimes } from './distribution.ts'
import { ErrorCounts } from './error-counts.ts'
import type { Span, Tallied } from './ledger.ts'
import { perSecond, share } from './rates.ts'
import type { Figures } from './snapshot.ts'

/** Counts and times of a span; all times in milliseconds. */
export class Tally implements Tallied<Tally> {
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

  failure(time: number): void {
    this.failed++
    this.failureTime += time
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

  figures({ elapsed, up }: Span): Figures {
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
