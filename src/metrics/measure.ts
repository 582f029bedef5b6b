import { defer, type OperatorFunction, type TapObserver, tap } from 'rxjs'
import { CALLBACK_FAILED } from './error-counts.ts'
import { type Inside, InsideByRecord, InsideInTurn } from './inside.ts'
import { type Meter, type MeterOptions, RecordMeter, recordMeterOf } from './meter.ts'
import { checkInterval } from './series.ts'
import type { Snapshot } from './snapshot.ts'

/** How the outputs of a measured pipeline are matched to its records. */
export interface MatchOptions<T, R> {
  /**
   * The size of a record, in bytes, called when it enters. A throw, or a result that is not a size, counts as 0 and as
   * `CALLBACK`.
   */
  readonly bytesOf?: ((record: T) => number) | undefined
  /**
   * The record that an output leads back to, the same object or value that entered; `undefined` if there is none. A
   * throw counts as `undefined`, and as `CALLBACK`.
   * @defaultValue none: each output ends the record that has been inside longest
   */
  readonly recordOf?: ((output: R) => T | undefined) | undefined
  /**
   * Whether outputs come in the order of their records, so that an output means that the records before it are done.
   * Only used with `recordOf`.
   * @defaultValue true
   */
  readonly ordered?: boolean | undefined
}

/** Options of {@link measure} with a meter of its own, one for each subscription. */
export interface MeasureOptions<T, R> extends MeterOptions, MatchOptions<T, R> {
  /** Called with a snapshot every `interval`, and with the final one before the pipeline's end is passed on. */
  readonly next: (snapshot: Snapshot) => void
}

/** Options of {@link measure} with a meter of {@link createMeter}. */
export interface SharedMeasureOptions<T, R> extends MatchOptions<T, R> {
  readonly meter: Meter
}

/**
 * Times `pipeline`: exactly what is inside the parentheses is timed, and nothing else changes.
 *
 * The processing time of a record runs from when it enters `pipeline` until its output leaves it, so it is right with
 * any number of records inside. Waiting inside counts: a source that runs ahead (rather than `pull$`) shows as latency.
 * Three records enter at 0, 10 and 20 ms and their outputs leave at 30, 40 and 60 ms, where the pipeline completes; the
 * store was suspended from 20 to 35 ms. Then
 *
 * - latency = processing time / requests = (30 + 30 + 40) ms / 3 = 33.3 ms,
 * - throughput = data processed / time = 3 records / 0.06 s = 50 records/s,
 * - availability = time up / total time = (60 - 15) ms / 60 ms = 0.75.
 *
 * Which record an output ends:
 *
 * - By default, the one that has been inside longest: right for pipelines with one output per record, in order, such as
 *   `lookupKV`, `upsertKV` and `processKV`. Outputs while no record is inside end nothing.
 * - With `recordOf`, the one that the output leads back to: right for pipelines that filter, multiply or gather, such
 *   as `processKV` with a `deadLetter` (`recordOf: ([record]) => record`). The first output of a record ends it, later
 *   ones end nothing. Records that entered before it and are still inside must have been filtered out: they end with
 *   it, as processed. Among equal records it is the one that has been inside longest.
 * - With `recordOf` and `ordered: false`, only that one: right for pipelines that reorder. Records that they filter out
 *   stay in flight until the end.
 *
 * What becomes of records that are inside at the end: when the pipeline completes after its source, they were filtered
 * out and end as processed; when it fails, they have failed, timed until then; when it is unsubscribed, or completes
 * before its source as `take` does, they are counted as abandoned and not timed.
 *
 * Emits what `pipeline` emits and ends as it ends. `pipeline` subscribes to its source once: put `retry` and `repeat`
 * outside. An error thrown by `next` is reported as RxJS reports a subscriber's errors, and the stream goes on.
 * `INVALID_ARGUMENT` is thrown at once for an invalid interval.
 *
 * @example
 * ```ts
 * import { from, lastValueFrom } from 'rxjs'
 * import { json, measure, memoryStore, processKV } from 'rxkeeper'
 *
 * await using store = memoryStore({ value: json<number>() })
 * const words$ = from(['to', 'be', 'or', 'not', 'to', 'be'])
 * await lastValueFrom(
 *   words$.pipe(
 *     measure(processKV(store, word => word, (_, count = 0) => count + 1), {
 *       store,
 *       interval: 1000,
 *       next: ({ total }) => console.log(total.records, total.latency, total.availability),
 *     }),
 *   ),
 * )
 * ```
 *
 * @param pipeline the pipeline to time
 * @param options a shared meter, or options for a new meter per subscription
 */
export function measure<T, R>(
  pipeline: OperatorFunction<T, R>,
  options: Meter | MeasureOptions<NoInfer<T>, NoInfer<R>> | SharedMeasureOptions<NoInfer<T>, NoInfer<R>>,
): OperatorFunction<T, R> {
  const given: MeasureOptions<T, R> | SharedMeasureOptions<T, R> =
    'snapshots$' in options ? { meter: options } : options
  const newMeter = meterFactory(given)
  return source =>
    defer(() => {
      const meter = newMeter()
      const { input, output } = observers(meter, given, !('meter' in given))
      const output$ = pipeline(source.pipe(tap(input)))
      meter.begin()
      return output$.pipe(tap(output))
    })
}

function meterFactory<T, R>(options: MeasureOptions<T, R> | SharedMeasureOptions<T, R>): () => RecordMeter {
  if ('meter' in options) {
    const meter = recordMeterOf(options.meter)
    return () => meter
  }
  checkInterval(options.interval)
  return () => {
    const meter = new RecordMeter(options)
    meter.snapshots$.subscribe(snapshot => options.next(snapshot))
    return meter
  }
}

/** The observers of the records that enter the pipeline, and of the outputs that leave it. */
function observers<T, R>(
  meter: RecordMeter,
  { bytesOf, recordOf, ordered = true }: MatchOptions<T, R>,
  closes: boolean,
): { input: Partial<TapObserver<T>>; output: Partial<TapObserver<R>> } {
  const inside: Inside<T, R> =
    recordOf === undefined ? new InsideInTurn(meter) : new InsideByRecord(meter, recordOf, ordered)
  let sourceCompleted = false

  const sizeOf = (record: T): number => {
    if (bytesOf === undefined) return 0
    try {
      const size = bytesOf(record)
      if (size >= 0 && size < Number.POSITIVE_INFINITY) return size
    } catch {}
    meter.error(CALLBACK_FAILED)
    return 0
  }
  const end = (): void => {
    if (closes) meter.close()
  }

  return {
    input: {
      next(record) {
        const size = sizeOf(record)
        meter.entered()
        inside.enter(record, meter.now(), size)
      },
      complete() {
        sourceCompleted = true
      },
    },
    output: {
      next(output) {
        inside.leave(output, meter.now())
      },
      error(error) {
        const now = meter.now()
        inside.drain(began => meter.failed(began, now, error))
        meter.error(error)
        end()
      },
      complete() {
        const now = meter.now()
        inside.drain((began, bytes) =>
          sourceCompleted ? meter.processed(began, now, bytes) : meter.abandoned(),
        )
        end()
      },
      unsubscribe() {
        inside.drain(() => meter.abandoned())
        end()
      },
    },
  }
}
