import { catchError, concatMap, EMPTY, groupBy, map, merge, mergeMap, of, timer } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { KVError } from '../../src/base/errors.ts'
import { measure } from '../../src/metrics/measure.ts'
import { createMeter } from '../../src/metrics/meter.ts'
import type { Snapshot } from '../../src/metrics/snapshot.ts'
import { run, status, stay, virtually, works } from './virtual.ts'

describe('the figures of measure', () => {
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
