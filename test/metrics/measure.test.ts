import {
  BehaviorSubject,
  bufferCount,
  catchError,
  concatMap,
  delay,
  EMPTY,
  filter,
  groupBy,
  map,
  merge,
  mergeMap,
  NEVER,
  Observable,
  type OperatorFunction,
  of,
  pipe,
  range,
  Subject,
  take,
  throwError,
  timer,
} from 'rxjs'
import { TestScheduler } from 'rxjs/testing'
import { describe, expect, it } from 'vitest'
import { json } from '../../src/codecs.ts'
import { currentDemand, type Demand, subscribeWithDemand } from '../../src/demand.ts'
import type { Status } from '../../src/engine.ts'
import { memoryStore } from '../../src/engines/memory/store.ts'
import { KVError } from '../../src/errors.ts'
import { measure } from '../../src/metrics/measure.ts'
import { createMeter } from '../../src/metrics/meter.ts'
import type { Snapshot } from '../../src/metrics/snapshot.ts'
import { meterStore } from '../../src/metrics/store-meter.ts'

interface Work {
  readonly id: number
  /** How long the record stays inside. */
  readonly stay: number
}

const status = (state: Status['state']): Status => ({ state, reason: 'test' })
const stay: OperatorFunction<Work, Work> = mergeMap(record => timer(record.stay).pipe(map(() => record)))

/** Works enter at the times given and stay as long as given. */
const works = (...timesAndStays: (readonly [at: number, stay: number])[]): Observable<Work> =>
  merge(...timesAndStays.map(([at, stay], id) => timer(at).pipe(map(() => ({ id, stay })))))

const virtually = (test: (scheduler: TestScheduler) => void): void => {
  const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected))
  scheduler.run(() => test(scheduler))
}

describe('measure on virtual time', () => {
  /** Runs the source through the measured pipeline and gives the snapshots and what came out. */
  const run = <T, R>(
    source$: Observable<T>,
    pipeline: OperatorFunction<T, R>,
    options: {
      bytesOf?: (record: T) => number
      recordOf?: (output: R) => T | undefined
      ordered?: boolean
      interval?: number
      store?: { readonly status$: Observable<Status> }
      unsubscribeAt?: number
    } = {},
  ): { snapshots: Snapshot[]; final: Snapshot; outputs: R[]; end: unknown } => {
    const snapshots: Snapshot[] = []
    const outputs: R[] = []
    let end: unknown
    const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected))
    scheduler.run(() => {
      const subscription = source$
        .pipe(measure(pipeline, { ...options, scheduler, next: snapshot => snapshots.push(snapshot) }))
        .subscribe({
          next: output => outputs.push(output),
          error: error => {
            end = error
          },
          complete: () => {
            end = 'complete'
          },
        })
      if (options.unsubscribeAt !== undefined)
        timer(options.unsubscribeAt).subscribe(() => subscription.unsubscribe())
    })
    expect(snapshots.filter(({ final }) => final)).toEqual(snapshots.slice(-1))
    return { snapshots, final: snapshots.at(-1)!, outputs, end }
  }

  it('gives the figure worked by hand', () => {
    const status$ = merge(
      of(status('connected')),
      timer(20).pipe(map(() => status('suspended'))),
      timer(35).pipe(map(() => status('connected'))),
    )
    const { final, outputs, end } = run(works([0, 30], [10, 30], [20, 40]), stay, {
      store: { status$ },
      bytesOf: () => 120,
    })
    expect(outputs.map(({ id }) => id)).toEqual([0, 1, 2])
    expect(end).toBe('complete')
    expect(final.inFlight).toBe(0)
    expect(final.total).toMatchObject({
      elapsed: 60,
      records: 3,
      throughput: 50,
      bytes: 360,
      bytesPerSecond: 6000,
      latency: 100 / 3,
      failed: 0,
      failureLatency: Number.NaN,
      abandoned: 0,
      errors: {},
      availability: 0.75,
    })
    const { p50, p90, p99, p999, max } = final.total.percentiles
    expect(max).toBe(40)
    expect([p90, p99, p999]).toEqual([40, 40, 40])
    expect(Math.abs(p50 / 30 - 1)).toBeLessThan(0.001)
  })

  it('is right with many records inside', () => {
    // Record i enters at i ms and leaves at 1000 + 2 i ms: it stays 1000 + i ms, and all 1000 are inside at once.
    const many = Array.from({ length: 1000 }, (_, i) => [i, 1000 + i] as const)
    const { final } = run(works(...many), stay)
    expect(final.total.records).toBe(1000)
    expect(final.total.latency).toBe(1499.5)
    expect(final.total.percentiles.p50 / 1500).toBeCloseTo(1, 2)
    expect(final.total.percentiles.p99 / 1990).toBeCloseTo(1, 2)
    expect(final.total.percentiles.max).toBe(1999)
  })

  it('shares out time by interval', () => {
    const { snapshots } = run(works([0, 30], [10, 30], [20, 40], [20, 70]), stay, { interval: 25 })
    expect(snapshots.map(({ interval }) => interval.records)).toEqual([0, 2, 1, 1])
    expect(snapshots.map(({ interval }) => interval.elapsed)).toEqual([25, 25, 25, 15])
    expect(snapshots.map(({ interval }) => interval.latency)).toEqual([Number.NaN, 30, 40, 70])
    expect(snapshots.map(({ interval }) => interval.percentiles.max)).toEqual([Number.NaN, 30, 40, 70])
    expect(snapshots.map(({ total }) => total.records)).toEqual([0, 2, 3, 4])
    expect(snapshots.map(({ total }) => total.elapsed)).toEqual([25, 50, 75, 90])
    expect(snapshots.map(({ inFlight }) => inFlight)).toEqual([4, 2, 1, 0])
    expect(snapshots.map(({ final }) => final)).toEqual([false, false, false, true])
  })

  it('shares out availability by interval', () => {
    const status$ = merge(of(status('suspended')), timer(20).pipe(map(() => status('connected'))))
    const { snapshots } = run(works([0, 40]), stay, { interval: 25, store: { status$ } })
    expect(snapshots.map(({ interval }) => interval.availability)).toEqual([0.2, 1])
    expect(snapshots.map(({ total }) => total.availability)).toEqual([0.2, 0.5])
  })

  it.each(['suspended', 'lost', 'closed'] as const)('counts %s as down', state => {
    const status$ = merge(of(status('connected')), timer(10).pipe(map(() => status(state))))
    expect(run(works([0, 40]), stay, { store: { status$ } }).final.total.availability).toBe(0.25)
  })

  it('counts what is filtered out as processed when it is passed over', () => {
    const pipeline = pipe(
      stay,
      filter<Work>(({ id }) => id === 2),
    )
    const { final } = run(works([0, 10], [5, 10], [10, 20], [40, 20]), pipeline, {
      recordOf: output => output,
    })
    // Records 0 and 1 end with record 2 at 30 ms, record 3 when the pipeline completes at 60 ms.
    expect(final.total.records).toBe(4)
    expect(final.total.latency).toBe((30 + 25 + 20 + 20) / 4)
  })

  it('ends a record that is multiplied with its first output', () => {
    const pipeline: OperatorFunction<Work, { work: Work; part: number }> = mergeMap(work =>
      of(1, 2, 3).pipe(concatMap(part => timer(work.stay).pipe(map(() => ({ work, part }))))),
    )
    const { final, outputs } = run(works([0, 10], [100, 20]), pipeline, { recordOf: ({ work }) => work })
    expect(outputs).toHaveLength(6)
    expect(final.total.records).toBe(2)
    expect(final.total.latency).toBe(15)
  })

  it('ends records that are gathered with the output that names the last', () => {
    const pipeline = bufferCount<Work>(3)
    const sources = works([0, 0], [10, 0], [20, 0], [40, 0])
    const { final } = run(sources, pipeline, { recordOf: output => output.at(-1) })
    expect(final.total.latency).toBe((20 + 10 + 0 + 0) / 4)
  })

  it('times each for itself where the pipeline reorders', () => {
    const sources = works([0, 50], [10, 10], [20, 15])
    const { final, outputs } = run(
      sources,
      pipe(
        stay,
        filter<Work>(({ id }) => id !== 2),
      ),
      {
        recordOf: output => output,
        ordered: false,
      },
    )
    expect(outputs.map(({ id }) => id)).toEqual([1, 0])
    // Record 2 is filtered out, which shows at the end only.
    expect(final.total.latency).toBe((10 + 50 + 30) / 3)
  })

  it('tells the same record twice inside apart by their order', () => {
    const sources = merge(...[0, 10, 25].map(at => timer(at).pipe(map(() => 'same'))))
    const { final } = run(sources, delay(30), { recordOf: output => output, ordered: false })
    expect(final.total).toMatchObject({ records: 3, latency: 30 })
  })

  it('lets outputs pass while no record is inside', () => {
    const pipeline: OperatorFunction<Work, unknown> = source => merge(of('hello'), source, timer(50))
    const { final, outputs } = run(works([10, 0]), pipeline)
    expect(outputs).toHaveLength(3)
    expect(final.total).toMatchObject({ records: 1, latency: 0 })
  })

  it('counts what is inside at a failure as failed, timed until then', () => {
    const error = new KVError('TIMEOUT', 'too late')
    const pipeline = mergeMap((work: Work) =>
      work.id === 1
        ? timer(20).pipe(mergeMap(() => throwError(() => error)))
        : of(work).pipe(delay(work.stay)),
    )
    const { final, end } = run(works([0, 15], [10, 0], [20, 99], [99, 0]), pipeline)
    expect(end).toBe(error)
    expect(final.inFlight).toBe(0)
    expect(final.total).toMatchObject({
      elapsed: 30,
      records: 1,
      latency: 15,
      failed: 2,
      failureLatency: (20 + 10) / 2,
      abandoned: 0,
      errors: { TIMEOUT: 1 },
    })
  })

  it('passes an error of the source', () => {
    const error = new RangeError('source')
    const sources = merge(works([0, 50], [10, 5]), timer(20).pipe(mergeMap(() => throwError(() => error))))
    const { final, end } = run(sources, stay, { recordOf: output => output, ordered: false })
    expect(end).toBe(error)
    expect(final.total).toMatchObject({
      records: 1,
      failed: 1,
      failureLatency: 20,
      errors: { RangeError: 1 },
    })
  })

  it.each([
    ['a system error', Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    ['a string', 'broken', 'string'],
    ['nothing', undefined, 'undefined'],
    ['an object', {}, 'Error'],
    ['a name that objects have', Object.assign(new Error('x'), { code: '__proto__' }), '__proto__'],
  ])('counts %s by its code or name', (_, error, code) => {
    const { final } = run(
      throwError(() => error),
      stay,
    )
    expect(Object.entries(final.total.errors)).toEqual([[code, 1]])
  })

  it('is empty for an empty source', () => {
    const { snapshots, end } = run(EMPTY, stay)
    expect(end).toBe('complete')
    expect(snapshots).toHaveLength(1)
    expect(snapshots[0]!.total).toEqual({
      elapsed: 0,
      records: 0,
      throughput: Number.NaN,
      bytes: 0,
      bytesPerSecond: Number.NaN,
      latency: Number.NaN,
      percentiles: { p50: Number.NaN, p90: Number.NaN, p99: Number.NaN, p999: Number.NaN, max: Number.NaN },
      failed: 0,
      failureLatency: Number.NaN,
      abandoned: 0,
      errors: {},
      availability: Number.NaN,
    })
  })

  it('goes on reporting for a source that never emits', () => {
    const { snapshots, end } = run(NEVER, stay, { interval: 10, unsubscribeAt: 35 })
    expect(end).toBe(undefined)
    expect(snapshots.map(({ total }) => total.elapsed)).toEqual([10, 20, 30, 35])
    expect(snapshots.map(({ total }) => total.throughput)).toEqual([0, 0, 0, 0])
  })

  it('counts what is inside at an early unsubscribe as abandoned', () => {
    const { final, outputs } = run(works([0, 10], [5, 50], [20, 50]), stay, { unsubscribeAt: 30 })
    expect(outputs).toHaveLength(1)
    expect(final).toMatchObject({
      inFlight: 0,
      final: true,
      total: { elapsed: 30, records: 1, latency: 10, failed: 0, abandoned: 2, errors: {} },
    })
  })

  it('counts what is inside as abandoned where the pipeline completes before its source', () => {
    const { final, end } = run(works([0, 10], [5, 50], [20, 50]), pipe(stay, take(1)))
    expect(end).toBe('complete')
    expect(final.total).toMatchObject({ elapsed: 10, records: 1, abandoned: 1 })
  })

  it('shares a meter between the pipelines of many keys', () => {
    virtually(scheduler => {
      const meter = createMeter({ scheduler })
      const outputs: number[] = []
      works([0, 10], [1, 20], [2, 30], [3, 5], [50, 7])
        .pipe(
          groupBy(({ id }) => id % 2),
          mergeMap(group$ =>
            group$.pipe(
              // One record in each pipeline, as perKey may have it.
              concatMap(record =>
                of(record).pipe(
                  measure(
                    mergeMap(work =>
                      timer(work.stay).pipe(
                        map(() => {
                          if (work.id === 2) throw new KVError('CODEC', 'no')
                          return work
                        }),
                      ),
                    ),
                    meter,
                  ),
                  catchError(() => EMPTY),
                ),
              ),
            ),
          ),
        )
        .subscribe({
          next: ({ id }) => outputs.push(id),
          complete: () => {
            expect(outputs).toEqual([0, 1, 3, 4])
            expect(meter.snapshot().total).toMatchObject({
              elapsed: 57,
              records: 4,
              latency: (10 + 20 + 5 + 7) / 4,
              failed: 1,
              failureLatency: 30,
              errors: { CODEC: 1 },
            })
            outputs.push(-1)
          },
        })
      scheduler.flush()
      expect(outputs.at(-1)).toBe(-1)
    })
  })

  it('hurts nobody when bytesOf or recordOf throws or lies', () => {
    const sizes = [10, Number.NaN, -1, Number.POSITIVE_INFINITY, 20]
    const sources = works([0, 10], [10, 10], [20, 10], [30, 10], [40, 10], [50, 10])
    const { final, outputs, end } = run(sources, stay, {
      bytesOf: ({ id }) => {
        if (id === 5) throw new Error('bytesOf')
        return sizes[id]!
      },
      recordOf: output => {
        if (output.id === 3) throw new Error('recordOf')
        return output
      },
    })
    expect(outputs).toHaveLength(6)
    expect(end).toBe('complete')
    // Record 3 ends with record 4.
    expect(final.total).toMatchObject({ records: 6, bytes: 30, failed: 0, errors: { CALLBACK: 5 } })
    expect(final.total.latency).toBe(70 / 6)
  })

  it('counts each subscription for itself', () => {
    virtually(scheduler => {
      const finals: Snapshot[] = []
      const measured$ = works([0, 10]).pipe(
        measure(stay, { scheduler, next: snapshot => void (snapshot.final && finals.push(snapshot)) }),
      )
      measured$.subscribe()
      measured$.subscribe()
      scheduler.flush()
      expect(finals.map(({ total }) => total.records)).toEqual([1, 1])
    })
  })
})

describe('measure', () => {
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
