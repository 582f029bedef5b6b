import type { EngineCall } from '../store/observed-engine.ts'
import { CallTally } from './call-tally.ts'
import type { Span, Tallied } from './ledger.ts'
import { share } from './rates.ts'
import type { StoreFigures } from './store-snapshot.ts'

/** Counts and times of the calls of a store to its engine. */
export class StoreTally implements Tallied<StoreTally> {
  readonly reads: CallTally = new CallTally()
  readonly writes: CallTally = new CallTally()
  readonly commits: CallTally = new CallTally()
  readonly scans: CallTally = new CallTally()
  cacheHits = 0
  cacheMisses = 0

  of({ type }: EngineCall): CallTally {
    if (type === 'read') return this.reads
    if (type === 'write') return this.writes
    return type === 'commit' ? this.commits : this.scans
  }

  add(other: StoreTally): void {
    this.reads.add(other.reads)
    this.writes.add(other.writes)
    this.commits.add(other.commits)
    this.scans.add(other.scans)
    this.cacheHits += other.cacheHits
    this.cacheMisses += other.cacheMisses
  }

  reset(): void {
    this.reads.reset()
    this.writes.reset()
    this.commits.reset()
    this.scans.reset()
    this.cacheHits = this.cacheMisses = 0
  }

  figures({ elapsed, up }: Span): StoreFigures {
    return {
      elapsed,
      availability: share(up, elapsed),
      reads: this.reads.figures(elapsed),
      writes: this.writes.figures(elapsed),
      commits: this.commits.figures(elapsed),
      scans: this.scans.figures(elapsed),
      cacheHits: this.cacheHits,
      cacheMisses: this.cacheMisses,
    }
  }
}
