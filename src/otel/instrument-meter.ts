import { type Attributes, type BatchObservableResult, metrics } from '@opentelemetry/api'
import { codeOf } from '../metrics/error-counts.ts'
import { type Meter, recordMeterOf } from '../metrics/meter.ts'
import { type InstrumentOptions, SCOPE } from './options.ts'

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

/**
 * Publishes a meter through OpenTelemetry, by its conventions for messaging, until disposed:
 *
 * - `messaging.process.duration` (histogram, s): the processing time of each record; of failed ones with `error.type`,
 *   the error's `code` or else its `name`;
 * - `messaging.client.consumed.messages` (counter, `{message}`): the records that have entered;
 *
 * and under its own names: `rxkeeper.process.io` (counter, By), `rxkeeper.process.in_flight` (up-down counter,
 * `{record}`), `rxkeeper.process.abandoned` (counter, `{record}`) and, with a store, `rxkeeper.process.availability`
 * (gauge, 1). All carry `messaging.system` and `messaging.operation.name` unless `attributes` give others.
 *
 * The SDK takes about 2 µs per record for the histogram; a meter without instruments pays nothing.
 * `INVALID_ARGUMENT` for a meter that `createMeter` did not make.
 *
 * @example
 * ```ts
 * import { from, lastValueFrom } from 'rxjs'
 * import { createMeter, json, measure, memoryStore, processKV } from 'rxkeeper'
 * import { instrumentMeter } from 'rxkeeper/otel'
 *
 * await using store = memoryStore({ value: json<number>() })
 * using meter = createMeter({ store })
 * using _ = instrumentMeter(meter, { attributes: { 'messaging.destination.name': 'words' } })
 * await lastValueFrom(
 *   from(['a', 'b', 'a']).pipe(measure(processKV(store, word => word, (_, count = 0) => count + 1), meter)),
 * )
 * ```
 */
export function instrumentMeter(meter: Meter, options: InstrumentOptions = {}): Disposable {
  const records = recordMeterOf(meter)
  const api = (options.meterProvider ?? metrics).getMeter(SCOPE)
  const attributes: Attributes = {
    'messaging.system': 'rxkeeper',
    'messaging.operation.name': 'process',
    ...options.attributes,
  }
  const duration = api.createHistogram('messaging.process.duration', {
    description: 'Duration of processing operation.',
    unit: 's',
    advice: { explicitBucketBoundaries: SECONDS },
  })
  const observer = records.observe({
    processed: time => duration.record(time / 1000, attributes),
    failed: (time, error) => duration.record(time / 1000, { ...attributes, 'error.type': codeOf(error) }),
  })

  const consumed = api.createObservableCounter('messaging.client.consumed.messages', {
    description: 'Number of messages that were delivered to the application.',
    unit: '{message}',
  })
  const io = api.createObservableCounter('rxkeeper.process.io', {
    description: 'Bytes of the records processed.',
    unit: 'By',
  })
  const inFlight = api.createObservableUpDownCounter('rxkeeper.process.in_flight', {
    description: 'Records that are being processed.',
    unit: '{record}',
  })
  const abandoned = api.createObservableCounter('rxkeeper.process.abandoned', {
    description: 'Records that were neither processed nor failed.',
    unit: '{record}',
  })
  const availability = api.createObservableGauge('rxkeeper.process.availability', {
    description: 'Time in which the store was connected / total time.',
    unit: '1',
  })
  const instruments = [consumed, io, inFlight, abandoned, availability]
  const observe = (result: BatchObservableResult): void => {
    const snapshot = records.snapshot()
    const { total } = snapshot
    const entered = total.records + total.failed + total.abandoned + snapshot.inFlight
    result.observe(consumed, entered, attributes)
    result.observe(io, total.bytes, attributes)
    result.observe(inFlight, snapshot.inFlight, attributes)
    result.observe(abandoned, total.abandoned, attributes)
    if (!Number.isNaN(total.availability)) result.observe(availability, total.availability, attributes)
  }
  api.addBatchObservableCallback(observe, instruments)
  return {
    [Symbol.dispose]() {
      observer.unsubscribe()
      api.removeBatchObservableCallback(observe, instruments)
    },
  }
}
