import { KVError } from '../base/errors.ts'
import type { EngineCall, EngineResult } from '../store/observed-engine.ts'
import { Distribution, newTimes } from './distribution.ts'
import { ErrorCounts } from './error-counts.ts'
import type { Tallied } from './ledger.ts'
import { perSecond } from './rates.ts'
import type { CallFigures } from './store-snapshot.ts'

/** Counts and times of one kind of call to an engine. */
export class CallTally implements Tallied<CallTally> {
  #bytes = 0
  #failed = 0
  #failureTime = 0
  readonly #times = newTimes()
  readonly #sizes = new Distribution(1)
  readonly #errors = new ErrorCounts()

  ended(call: EngineCall, outcome: readonly EngineResult[] | KVError, time: number): void {
    if (outcome instanceof KVError) {
      this.#failed++
      this.#failureTime += time
      this.#errors.count(outcome)
      return
    }
    this.#times.record(time)
    this.#sizes.record(outcome.length)
    for (let i = 0; i < outcome.length; i++) {
      const result = outcome[i]
      if (result instanceof KVError) this.#errors.count(result)
      else this.#bytes += 'writes' in call ? valueBytes(call.writes[i]!) : valueBytes(result)
    }
  }

  add(other: CallTally): void {
    this.#bytes += other.#bytes
    this.#failed += other.#failed
    this.#failureTime += other.#failureTime
    this.#times.add(other.#times)
    this.#sizes.add(other.#sizes)
    this.#errors.add(other.#errors)
  }

  reset(): void {
    this.#bytes = this.#failed = this.#failureTime = 0
    this.#times.reset()
    this.#sizes.reset()
    this.#errors.reset()
  }

  figures(elapsed: number): CallFigures {
    return {
      calls: this.#times.count,
      items: this.#sizes.sum,
      throughput: perSecond(this.#sizes.sum, elapsed),
      bytes: this.#bytes,
      bytesPerSecond: perSecond(this.#bytes, elapsed),
      batchSize: this.#sizes.mean,
      batchSizes: this.#sizes.percentiles(),
      latency: this.#times.mean,
      percentiles: this.#times.percentiles(),
      failed: this.#failed,
      failureLatency: this.#failureTime / this.#failed,
      errors: this.#errors.toRecord(),
    }
  }
}

const valueBytes = (of: object | string | undefined): number =>
  typeof of === 'object' && 'value' in of && of.value instanceof Uint8Array ? of.value.byteLength : 0
