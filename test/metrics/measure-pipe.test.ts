import {
  BehaviorSubject,
  EMPTY,
  map,
  NEVER,
  Observable,
  type OperatorFunction,
  of,
  range,
  Subject,
  take,
  throwError,
} from 'rxjs'
import { TestScheduler } from 'rxjs/testing'
import { describe, expect, it } from 'vitest'
import { currentDemand, type Demand, subscribeWithDemand } from '../../src/base/demand.ts'
import { json } from '../../src/codecs.ts'
import type { Status } from '../../src/contract/engine.ts'
import { memoryStore } from '../../src/engines/memory/store.ts'
import { measure } from '../../src/metrics/measure.ts'
import { createMeter } from '../../src/metrics/meter.ts'
import { meterStore } from '../../src/metrics/store-meter.ts'
import { status, stay } from './virtual.ts'

describe('measure in a pipe', () => {
  it('shows the demand of the operator below to the source above', () => {
    const demand: Demand = { open: true, whenOpen: () => {} }
    let seen: unknown
    const source$ = new Observable<number>(() => {
      seen = currentDemand()
    })
    const sink = new Subject<number>()
    const measured$ = source$.pipe(
      measure(
        map(x => x),
        createMeter(),
      ),
    )
    new Observable<number>(subscriber => subscribeWithDemand(measured$, demand, subscriber)).subscribe(sink)
    expect(seen).toBe(demand)
  })

  it('stops an endless synchronous source', () => {
    const outputs: number[] = []
    range(0, Number.POSITIVE_INFINITY)
      .pipe(
        measure(
          map(x => x * 2),
          createMeter(),
        ),
        take(3),
      )
      .subscribe(output => outputs.push(output))
    expect(outputs).toEqual([0, 2, 4])
  })

  it('gives the final snapshot before it passes the end on', () => {
    const order: string[] = []
    const options = { next: () => order.push('snapshot') }
    of(1)
      .pipe(
        measure(
          map(x => x),
          options,
        ),
      )
      .subscribe({ next: () => order.push('next'), complete: () => order.push('complete') })
    throwError(() => 'x')
      .pipe(
        measure(
          map(x => x),
          options,
        ),
      )
      .subscribe({ error: () => order.push('error') })
    expect(order).toEqual(['next', 'snapshot', 'complete', 'snapshot', 'error'])
  })

  it('takes the processing alone, not what comes after it', () => {
    const clock = { time: 0 }
    const scheduler = new TestScheduler(() => {})
    scheduler.now = () => clock.time
    const meter = createMeter({ scheduler })
    of(1, 2, 3)
      .pipe(
        measure(
          map(() => {
            clock.time += 5
          }),
          meter,
        ),
      )
      .subscribe(() => {
        clock.time += 100
      })
    expect(meter.snapshot().total).toMatchObject({ elapsed: 315, records: 3, latency: 5 })
  })

  it('counts the state that the store replays from the beginning', () => {
    const clock = { time: 0 }
    const scheduler = new TestScheduler(() => {})
    scheduler.now = () => clock.time
    const status$ = new Observable<Status>(subscriber => {
      clock.time += 10
      subscriber.next(status('connected'))
    })
    const meter = createMeter({ scheduler, store: { status$ } })
    NEVER.pipe(measure(stay, meter)).subscribe()
    clock.time += 10
    expect(meter.snapshot().total).toMatchObject({ elapsed: 20, availability: 1 })
  })

  it('passes the error of a pipeline that cannot be built, and asks nothing of the store', () => {
    const error = new Error('built')
    let end: unknown
    of(1)
      .pipe(
        measure(
          () => {
            throw error
          },
          { next: () => {}, store: { status$: throwError(() => 'asked') } },
        ),
      )
      .subscribe({ error: e => (end = e) })
    expect(end).toBe(error)
  })

  it('lets go of the status of the store at the end', () => {
    const status$ = new BehaviorSubject(status('connected'))
    const source$ = new Subject<number>()
    source$
      .pipe(
        measure(
          map(x => x),
          { store: { status$ }, next: () => {} },
        ),
      )
      .subscribe()
    expect(status$.observed).toBe(true)
    source$.complete()
    expect(status$.observed).toBe(false)
  })

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31])('refuses an interval of %d', interval => {
    const refused = expect.objectContaining({ code: 'INVALID_ARGUMENT' })
    expect(() =>
      measure(
        map(x => x),
        { interval, next: () => {} },
      ),
    ).toThrow(refused)
    expect(() => createMeter({ interval })).toThrow(refused)
  })

  it('refuses a meter that is none', () => {
    const meter = { ...createMeter(), snapshots$: EMPTY }
    expect(() =>
      measure(
        map(x => x),
        meter as never,
      ),
    ).toThrow('createMeter')
  })

  it('refuses wrong types', () => {
    const pipeline: OperatorFunction<string, number> = map(text => text.length)
    const next = (): void => {}
    measure(pipeline, { next, bytesOf: Buffer.byteLength, recordOf: () => 'text' })
    // @ts-expect-error a meter of its own with nobody to report to
    measure(pipeline, { interval: 10 })
    // @ts-expect-error the record of an output is a record
    measure(pipeline, { next, recordOf: (output: number) => output })
    // @ts-expect-error a store's meter is no meter of records
    expect(() => measure(pipeline, { meter: meterStore(memoryStore({ value: json() })) })).toThrow()
  })
})
