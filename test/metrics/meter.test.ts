import { execFileSync } from 'node:child_process'
import { map, Observable, of, Subject, timer, toArray } from 'rxjs'
import { TestScheduler } from 'rxjs/testing'
import { describe, expect, it } from 'vitest'
import { measure } from '../../src/metrics/measure.ts'
import { createMeter } from '../../src/metrics/meter.ts'
import type { Snapshot } from '../../src/metrics/snapshot.ts'

const virtually = (test: (scheduler: TestScheduler) => void): void => {
  const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected))
  scheduler.run(() => test(scheduler))
}

const same = map((x: number) => x)

describe('createMeter', () => {
  it('counts from the first pipeline that is subscribed to until it is closed', () => {
    virtually(scheduler => {
      const meter = createMeter({ scheduler, interval: 10 })
      let snapshots: Snapshot[] = []
      meter.snapshots$.pipe(toArray()).subscribe(all => {
        snapshots = all
      })
      timer(100)
        .pipe(
          map(() => 1),
          measure(same, meter),
        )
        .subscribe()
      timer(50).subscribe(() => {
        timer(75)
          .pipe(
            map(() => 1),
            measure(same, meter),
          )
          .subscribe()
      })
      timer(135).subscribe(() => meter.close())
      scheduler.flush()
      expect(snapshots.map(({ total }) => total.elapsed).slice(-3)).toEqual([120, 130, 135])
      expect(snapshots).toHaveLength(14)
      expect(snapshots.at(-1)).toMatchObject({ final: true, total: { records: 2 } })
    })
  })

  it('gives all subscribers the same snapshots, and late ones the final one', () => {
    virtually(scheduler => {
      const meter = createMeter({ scheduler, interval: 10 })
      const first: Snapshot[] = []
      const second: Snapshot[] = []
      const late: Snapshot[] = []
      new Subject<number>().pipe(measure(same, meter)).subscribe()
      meter.snapshots$.subscribe(snapshot => first.push(snapshot))
      timer(15).subscribe(() => meter.snapshots$.subscribe(snapshot => second.push(snapshot)))
      timer(25).subscribe(() => meter.close())
      timer(30).subscribe(() => {
        meter.close()
        meter.snapshots$.subscribe({
          next: snapshot => late.push(snapshot),
          complete: () => late.push(late[0]!),
        })
      })
      scheduler.flush()
      expect(first.map(({ total }) => total.elapsed)).toEqual([10, 20, 25])
      expect(second).toEqual(first.slice(1))
      expect(late).toEqual([first[2], first[2]])
      expect(meter.snapshot()).toBe(first[2])
    })
  })

  it('can be asked at any time without ending the interval', () => {
    virtually(scheduler => {
      const meter = createMeter({ scheduler, interval: 10 })
      expect(meter.snapshot()).toMatchObject({ inFlight: 0, final: false, total: { elapsed: 0, records: 0 } })
      const source$ = new Subject<number>()
      source$.pipe(measure(same, meter)).subscribe()
      const intervals: number[] = []
      const subscription = meter.snapshots$.subscribe(({ interval }) => intervals.push(interval.records))
      timer(5).subscribe(() => {
        source$.next(1)
        expect(meter.snapshot()).toMatchObject({
          total: { records: 1 },
          interval: { elapsed: 5, records: 1 },
        })
        expect(meter.snapshot().interval.percentiles.max).toBe(0)
      })
      timer(7).subscribe(() => source$.next(2))
      timer(15).subscribe(() => {
        expect(meter.snapshot()).toMatchObject({
          total: { records: 2 },
          interval: { elapsed: 5, records: 0 },
        })
        subscription.unsubscribe()
      })
      scheduler.flush()
      expect(intervals).toEqual([2])
    })
  })

  it('stops the timer when nobody looks, and begins again', () => {
    virtually(scheduler => {
      const meter = createMeter({ scheduler, interval: 10 })
      new Subject<number>().pipe(measure(same, meter)).subscribe()
      const elapsed: number[] = []
      const look = (): void => {
        const subscription = meter.snapshots$.subscribe(({ interval }) => elapsed.push(interval.elapsed))
        timer(10).subscribe(() => subscription.unsubscribe())
      }
      look()
      timer(100).subscribe(look)
      // Were the timer to go on, this would not end.
      scheduler.flush()
      expect(elapsed).toEqual([10, 100])
    })
  })

  it('counts nothing after it is closed, and records go on', () => {
    const meter = createMeter()
    const source$ = new Subject<number>()
    const outputs: number[] = []
    const held$ = new Subject<void>()
    const hold = (input$: Observable<number>): Observable<number> =>
      new Observable(subscriber => {
        const held: number[] = []
        input$.subscribe(record => held.push(record))
        held$.subscribe(() => {
          for (const record of held.splice(0)) subscriber.next(record)
        })
      })
    source$.pipe(measure(hold, meter)).subscribe(output => outputs.push(output))
    source$.next(1)
    meter[Symbol.dispose]()
    source$.next(2)
    held$.next()
    of(3)
      .pipe(measure(same, meter))
      .subscribe(output => outputs.push(output))
    expect(outputs).toEqual([1, 2, 3])
    expect(meter.snapshot()).toMatchObject({ inFlight: 1, final: true, total: { records: 0 } })
  })

  it('reports a throwing subscriber as RxJS does, and goes on', () => {
    const script = `
      import { config, from, map } from 'rxjs'
      import { measure } from '${new URL('../../src/metrics/measure.ts', import.meta.url).pathname}'
      config.onUnhandledError = error => console.log('unhandled', error.message)
      from([1, 2]).pipe(measure(map(x => x), { next: () => { throw new Error('mine') } })).subscribe({
        next: x => console.log(x), complete: () => console.log('complete'),
      })`
    expect(runScript(script)).toEqual(['1', '2', 'complete', 'unhandled mine'])
  })

  it('does not keep the process alive', () => {
    const script = `
      import { map, NEVER } from 'rxjs'
      import { measure } from '${new URL('../../src/metrics/measure.ts', import.meta.url).pathname}'
      NEVER.pipe(measure(map(x => x), { interval: 1000, next: () => {} })).subscribe()
      console.log('end')`
    expect(runScript(script)).toEqual(['end'])
  })
})

function runScript(script: string): string[] {
  const args = ['--import', 'tsx', '--conditions=rxkeeper-source', '--input-type=module', '--eval', script]
  return execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 }).trim().split('\n')
}
