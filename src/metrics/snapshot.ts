/** The distribution of processing times, in milliseconds; `NaN` without any. */
export interface Percentiles {
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  /** The maximum, exact; the others are within 0.1 %. */
  readonly max: number
}

/** The figures of a span of time. An unknown figure is `NaN`, which JSON shows as `null`. */
export interface Figures {
  /** The length of the span, in milliseconds. */
  readonly elapsed: number
  /** Records processed: those that left the pipeline, or that it filtered out. */
  readonly records: number
  /** Records processed / time, in records per second. */
  readonly throughput: number
  /** Bytes of the records processed, as `bytesOf` counts them; 0 without. */
  readonly bytes: number
  /** Bytes processed / time, in bytes per second. */
  readonly bytesPerSecond: number
  /** Processing time / requests: the mean time of the records processed, in milliseconds. */
  readonly latency: number
  /** The distribution of those times. */
  readonly percentiles: Percentiles
  /** Records that were inside when the pipeline failed. */
  readonly failed: number
  /** The mean time of the failed records until their failure, in milliseconds. */
  readonly failureLatency: number
  /** Records that were inside when the pipeline was unsubscribed or ended by itself: neither processed nor failed. */
  readonly abandoned: number
  /**
   * How often a pipeline failed, by the `code` of the error, or else its `name`. `CALLBACK` also counts each time that
   * `bytesOf` or `recordOf` threw, which fails no record.
   */
  readonly errors: Readonly<Record<string, number>>
  /** Time in which the store was `connected` / total time, from 0 to 1; `NaN` without a store. */
  readonly availability: number
}

/** The figures of a meter, at one moment. */
export interface Snapshot {
  /** From the start. */
  readonly total: Figures
  /** Since the snapshot before. */
  readonly interval: Figures
  /** Records inside now. */
  readonly inFlight: number
  /** Whether this is the meter's last snapshot, taken when it was closed. */
  readonly final: boolean
}
