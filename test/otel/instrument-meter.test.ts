import { InstrumentType } from '@opentelemetry/sdk-metrics'
import { ATTR_ERROR_TYPE } from '@opentelemetry/semantic-conventions'
import {
  ATTR_MESSAGING_OPERATION_NAME,
  ATTR_MESSAGING_SYSTEM,
  METRIC_MESSAGING_CLIENT_CONSUMED_MESSAGES,
  METRIC_MESSAGING_PROCESS_DURATION,
} from '@opentelemetry/semantic-conventions/incubating'
import { mergeMap, NEVER, of, throwError, timer } from 'rxjs'
import { TestScheduler } from 'rxjs/testing'
import { expect, it } from 'vitest'
import { KVError } from '../../src/base/errors.ts'
import { measure } from '../../src/metrics/measure.ts'
import { createMeter, type Meter } from '../../src/metrics/meter.ts'
import { instrumentMeter } from '../../src/otel.ts'
import { boundariesOf, Metrics, pointsOf } from './sdk.ts'

const attributes = {
  [ATTR_MESSAGING_SYSTEM]: 'rxkeeper',
  [ATTR_MESSAGING_OPERATION_NAME]: 'process',
  source: 'test',
}

/** Three records are processed in 20 ms each, one fails after 10 ms, one is abandoned, one is inside still. */
function run(meter: Meter, scheduler: TestScheduler): void {
  scheduler.run(() => {
    const stay = mergeMap((time: number) => timer(time))
    of(20, 20, 20)
      .pipe(measure(stay, { meter, bytesOf: () => 100 }))
      .subscribe()
    of(99, 10)
      .pipe(
        measure(
          mergeMap(time =>
            time === 10
              ? timer(10).pipe(mergeMap(() => throwError(() => new KVError('QUOTA', ''))))
              : timer(time),
          ),
          meter,
        ),
      )
      .subscribe({ error: () => {} })
    const abandoned = of(99).pipe(measure(stay, meter)).subscribe()
    timer(30).subscribe(() => abandoned.unsubscribe())
    of(1)
      .pipe(
        measure(
          mergeMap(() => NEVER),
          meter,
        ),
      )
      .subscribe()
  })
}

it('publishes a meter by the conventions for messaging', async () => {
  await using metrics = new Metrics()
  const scheduler = new TestScheduler(() => {})
  const store = { status$: of({ state: 'connected', reason: 'test' } as const) }
  using meter = createMeter({ scheduler, store })
  using _ = instrumentMeter(meter, { meterProvider: metrics.provider, attributes: { source: 'test' } })
  run(meter, scheduler)

  const exported = await metrics.collect()
  const duration = exported.get(METRIC_MESSAGING_PROCESS_DURATION)!
  expect(duration.descriptor).toMatchObject({ type: InstrumentType.HISTOGRAM, unit: 's' })
  expect(boundariesOf(duration)).toEqual([
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
  ])
  expect(pointsOf(duration)).toEqual([
    [
      { ...attributes, [ATTR_ERROR_TYPE]: 'QUOTA' },
      { count: 2, sum: 0.02 },
    ],
    [attributes, { count: 3, sum: expect.closeTo(0.06, 12) }],
  ])
  const consumed = exported.get(METRIC_MESSAGING_CLIENT_CONSUMED_MESSAGES)!
  expect(consumed.descriptor).toMatchObject({ type: InstrumentType.OBSERVABLE_COUNTER, unit: '{message}' })
  expect(pointsOf(consumed)).toEqual([[attributes, 7]])
  expect(pointsOf(exported.get('rxkeeper.process.io'))).toEqual([[attributes, 300]])
  expect(pointsOf(exported.get('rxkeeper.process.in_flight'))).toEqual([[attributes, 1]])
  expect(pointsOf(exported.get('rxkeeper.process.abandoned'))).toEqual([[attributes, 1]])
  expect(pointsOf(exported.get('rxkeeper.process.availability'))).toEqual([[attributes, 1]])
})

it('publishes no availability where there is no store', async () => {
  await using metrics = new Metrics()
  const scheduler = new TestScheduler(() => {})
  using meter = createMeter({ scheduler })
  using _ = instrumentMeter(meter, { meterProvider: metrics.provider })
  run(meter, scheduler)
  expect(pointsOf((await metrics.collect()).get('rxkeeper.process.availability'))).toEqual([])
})

it('lets go when disposed', async () => {
  await using metrics = new Metrics()
  const scheduler = new TestScheduler(() => {})
  using meter = createMeter({ scheduler })
  instrumentMeter(meter, { meterProvider: metrics.provider })[Symbol.dispose]()
  run(meter, scheduler)
  const exported = await metrics.collect()
  expect([...exported.values()].flatMap(pointsOf)).toEqual([])
})

it('refuses a meter that is none', () => {
  expect(() => instrumentMeter({} as Meter)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
})
