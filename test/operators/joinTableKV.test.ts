import fc from 'fast-check'
import { from, lastValueFrom, map, merge, type Observable, pipe, Subject, tap, toArray } from 'rxjs'
import { describe, expect, test } from 'vitest'
import {
  type Change,
  joinTableKV,
  json,
  type KVStore,
  Memory,
  memoryStore,
  pull$,
  text,
} from '../../src/index.ts'
import { faultyStore, type StoreFault } from '../../src/testing.ts'
import { failureOf, operatorCases, virtually } from './cases.ts'
import { delayed, hookedStore, writeElsewhere } from './engines.ts'
import { arriving, delays, pace, slowStore } from './schedules.ts'

const itself = (record: string): string => record
const show = (record: string, stored: number | undefined): string => `${record}${stored ?? ''}`

describe('joinTableKV', () => {
  operatorCases({
    calls: 0,
    make: (store, options) =>
      pipe(
        joinTableKV(store, itself, options),
        map(([record]) => record),
      ),
    makeThrowing: store =>
      joinTableKV(
        store,
        (record: string) => {
          if (record === 'x') throw new Error('boom')
          return record
        },
        { project: record => record },
      ),
  })

  test('records wait until the table was read, and see each change that was told', () => {
    virtually(scheduler => {
      const memory = new Memory()
      const put = (key: string, value: number | undefined) => writeElsewhere(memory, json(), key, value)
      put('a', 1)
      const store = hookedStore(
        { value: json<number>(), memory, scheduler },
        delayed(() => 2),
      )
      const records$ = scheduler.createColdObservable('a-b-a-b---a-|')
      const table$ = scheduler.createColdObservable('-x----y', { x: ['b', 2], y: ['a', undefined] } as const)
      table$.subscribe(([key, value]) => put(key, value))
      const joined$ = records$.pipe(joinTableKV(store, itself, { project: show }))
      scheduler.expectObservable(joined$).toBe('a-b-c-d---e-|', { a: 'a1', b: 'b', c: 'a1', d: 'b2', e: 'a' })
    })
  })

  test('records wait while changes may be missed, then see what was', () => {
    virtually(scheduler => {
      const memory = new Memory()
      const put = (value: number) => writeElsewhere(memory, json(), 'a', value)
      put(1)
      const faults: StoreFault[] = [{ type: 'suspended', at: 5, lasts: 10, unanswered: 'done' }]
      const store = faultyStore({ value: json<number>(), memory, scheduler, latency: 0, faults })
      scheduler.createColdObservable('--------x').subscribe(() => put(2))
      const records$ = scheduler.createColdObservable('--a----a--|')
      const joined$ = records$.pipe(joinTableKV(store, itself, { project: show }))
      scheduler.expectObservable(joined$).toBe('--a------------(b|)', { a: 'a1', b: 'a2' })
    })
  })

  test('holds the range only', async () => {
    const store = memoryStore({ value: json<number>() })
    await lastValueFrom(
      store.putAll$([
        ['a1', 1],
        ['b1', 2],
      ]),
    )
    const joined$ = from(['a1', 'b1']).pipe(joinTableKV(store, itself, { prefix: 'a' }), toArray())
    expect(await lastValueFrom(joined$)).toEqual([
      ['a1', 1],
      ['b1', undefined],
    ])
    expect(() => joinTableKV(store, itself, { prefix: '\ud800' })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
  })

  test('no record can change the table for others', async () => {
    const store = memoryStore({ value: json<{ n: number }>() })
    await lastValueFrom(store.put$('a', { n: 1 }))
    const joined$ = from(['a']).pipe(
      joinTableKV(store, itself, {
        project: (_, stored) => {
          stored!.n++
        },
      }),
    )
    expect((await failureOf(joined$)).error.code).toBe('CALLBACK')
  })

  test('ends with CLOSED when the table is, and with CODEC where it cannot be read', async () => {
    const memory = new Memory()
    const store = memoryStore({ value: json<number>(), memory })
    const records$ = new Subject<string>()
    const closed = failureOf(records$.pipe(joinTableKV(store, itself)))
    await store.close()
    expect((await closed).error.code).toBe('CLOSED')
    await lastValueFrom(memoryStore({ value: text, memory }).put$('a', '{'))
    const bad$ = records$.pipe(joinTableKV(memoryStore({ value: json<number>(), memory }), itself))
    expect((await failureOf(bad$)).error).toMatchObject({ code: 'CODEC', key: 'a' })
  })

  test('asks a source that can be paused for so many records as may wait', () => {
    virtually(scheduler => {
      let pulled = 0
      const keys = function* () {
        while (true) yield `key${pulled++}`
      }
      const faults: StoreFault[] = [{ type: 'suspended', at: 0, lasts: 1000, unanswered: 'done' }]
      const store = faultyStore({ value: json<number>(), scheduler, faults })
      const joined$ = pull$(keys()).pipe(joinTableKV(store, itself, { concurrency: 10 }))
      scheduler.expectObservable(joined$, '50ms !').toBe('')
      scheduler.flush()
      expect(pulled).toBe(10)
    })
  })

  test('a record sees what `changes$` told before it, whatever the schedule', () => {
    const writes = fc.array(
      fc.record({
        key: fc.constantFrom('a', 'b'),
        value: fc.option(fc.nat(9), { nil: undefined }),
      }),
      { maxLength: 15 },
    )
    const outages = fc.array(
      fc.record({
        type: fc.constantFrom('suspended' as const, 'lost' as const),
        at: fc.nat(40),
        lasts: fc.integer({ min: 1, max: 10 }),
        unanswered: fc.constantFrom('done' as const, 'dropped' as const),
      }),
      { maxLength: 3 },
    )
    const records = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 20 })
    const check = (
      store: KVStore<number>,
      records$: Observable<string>,
      writes$: Observable<unknown>,
      flush: () => void,
    ): string[] => {
      const told = new Map<string, number>()
      let isTold = false
      store.changes$().subscribe((change: Change<number>) => {
        if (change.type === 'synced') isTold = true
        else if (change.type === 'put') told.set(change.key, change.value)
        else told.delete(change.key)
      })
      const out: string[] = []
      const joined$ = records$.pipe(
        joinTableKV(store, itself),
        tap(([record, stored]) => {
          expect(isTold).toBe(true)
          expect(stored).toBe(told.get(record))
          out.push(record)
        }),
      )
      let end: unknown
      merge(joined$, writes$).subscribe({
        error: error => (end = error),
        complete: () => (end = 'completed'),
      })
      flush()
      expect(end).toBe('completed')
      return out
    }
    fc.assert(
      fc.property(records, writes, outages, delays, delays, pace, (records, writes, outages, a, b, pace) => {
        for (const withOutages of [true, false]) {
          virtually(scheduler => {
            const memory = new Memory()
            const store = withOutages
              ? faultyStore({ value: json<number>(), memory, scheduler, faults: outages })
              : slowStore(pace, memory, scheduler)
            const writes$ = arriving(writes, a).pipe(
              tap(({ key, value }) => writeElsewhere(memory, json<number>(), key, value)),
            )
            expect(check(store, arriving(records, b), writes$, () => scheduler.flush())).toEqual(records)
          })
        }
      }),
      { numRuns: 500 },
    )
  })
})
