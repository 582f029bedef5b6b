import fc from 'fast-check'
import { concatMap, delay, map, type Observable, type OperatorFunction, of, pipe } from 'rxjs'
import { describe, expect, test } from 'vitest'
import {
  deleteKV,
  json,
  type KVStore,
  lookupKV,
  Memory,
  type OperatorOptions,
  perKey,
  updateKV,
  upsertKV,
} from '../../src/index.ts'
import { virtually } from './cases.ts'
import { arriving, type Delays, delays, pace, slowStore } from './schedules.ts'

interface Numbered {
  readonly key: string
  readonly n: number
}

const records: fc.Arbitrary<Numbered[]> = fc
  .array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 30 })
  .map(keys => keys.map((key, n) => ({ key, n })))
const options = fc.record({ concurrency: fc.integer({ min: 1, max: 6 }), ordered: fc.boolean() })

const keyOf = ({ key }: Numbered) => key

/** Operators that let their records go on, with what came of each. */
type Make = (
  store: KVStore<number>,
  options: OperatorOptions,
) => OperatorFunction<Numbered, [Numbered, unknown]>

const count = (_: Numbered, sum = 0) => sum + 1

const alone: [name: string, make: Make][] = [
  ['lookupKV', (store, options) => lookupKV(store, keyOf, options)],
  [
    'upsertKV',
    (store, options) =>
      pipe(
        upsertKV(store, ({ key, n }) => [key, n], options),
        map(record => [record, 0]),
      ),
  ],
  [
    'deleteKV',
    (store, options) =>
      pipe(
        deleteKV(store, keyOf, options),
        map(record => [record, 0]),
      ),
  ],
]

/** Operators that count the records of each key. */
const counting: [name: string, make: Make][] = [
  ['updateKV', (store, options) => updateKV(store, keyOf, count, options)],
  [
    'perKey around lookupKV, map and upsertKV',
    (store, options) =>
      perKey(
        keyOf,
        pipe(
          lookupKV(store, keyOf, {
            project: (record: Numbered, sum): [Numbered, number] => [record, count(record, sum)],
          }),
          upsertKV(store, ([{ key }, sum]) => [key, sum]),
        ),
        options,
      ),
  ],
]

const byNumber = (outputs: [Numbered, unknown][]) => outputs.toSorted(([a], [b]) => a.n - b.n)

const collect = <R>(result$: Observable<R>) => {
  const outputs: R[] = []
  let ending: unknown = 'pending'
  result$.subscribe({
    next: output => outputs.push(output),
    error: error => {
      ending = error
    },
    complete: () => {
      ending = 'completed'
    },
  })
  return { outputs, ending: () => ending }
}

describe('whatever the schedule', () => {
  test.each([...alone, ...counting])(
    '%s lets every record go on, in order where that is asked for',
    (_, make) => {
      fc.assert(
        fc.property(records, delays, pace, options, (all, gaps, pace, options) => {
          virtually(scheduler => {
            const { outputs, ending } = collect(
              arriving(all, gaps).pipe(make(slowStore(pace, new Memory(), scheduler), options)),
            )
            scheduler.flush()
            expect(ending()).toBe('completed')
            const came = options.ordered ? outputs : byNumber(outputs)
            expect(came.map(([record]) => record)).toEqual(all)
          })
        }),
        { numRuns: 200 },
      )
    },
  )

  test.each(counting)('%s comes to the same as one record after the other', (_, make) => {
    fc.assert(
      fc.property(records, delays, pace, options, (all, gaps, pace, options) => {
        virtually(scheduler => {
          const memory = new Memory()
          const { outputs } = collect(
            arriving(all, gaps).pipe(make(slowStore(pace, memory, scheduler), options)),
          )
          scheduler.flush()
          const counts = new Map<string, number>()
          const expected = all.map(record => {
            counts.set(record.key, count(record, counts.get(record.key)))
            return [record, counts.get(record.key)]
          })
          expect(byNumber(outputs)).toEqual(expected)
          for (const [key, sum] of counts) {
            expect(json<number>().decode(memory.entries.get(key)!.value)).toBe(sum)
          }
        })
      }),
      { numRuns: 200 },
    )
  })

  test('upsertKV leaves the last record of each key', () => {
    fc.assert(
      fc.property(records, delays, pace, options, (all, gaps, pace, options) => {
        virtually(scheduler => {
          const memory = new Memory()
          collect(
            arriving(all, gaps).pipe(
              upsertKV(slowStore(pace, memory, scheduler), ({ key, n }) => [key, n], options),
            ),
          )
          scheduler.flush()
          const last = new Map(all.map(({ key, n }) => [key, n]))
          expect(memory.entries.size).toBe(last.size)
          for (const [key, n] of last) expect(json<number>().decode(memory.entries.get(key)!.value)).toBe(n)
        })
      }),
      { numRuns: 200 },
    )
  })

  test('perKey keeps the records of a key apart and in order, and no more at work than it may', () => {
    fc.assert(
      fc.property(records, delays, delays, options, (all, gaps, stays: Delays, options) => {
        virtually(scheduler => {
          const working = new Map<string, number>()
          const entered: Numbered[] = []
          const { outputs, ending } = collect(
            arriving(all, gaps).pipe(
              perKey(
                keyOf,
                concatMap(record => {
                  expect(working.has(record.key)).toBe(false)
                  working.set(record.key, record.n)
                  expect(working.size).toBeLessThanOrEqual(options.concurrency)
                  entered.push(record)
                  return of(record).pipe(
                    delay(stays[record.n % stays.length]!),
                    map(record => {
                      working.delete(record.key)
                      return record
                    }),
                  )
                }),
                options,
              ),
            ),
          )
          scheduler.flush()
          expect(ending()).toBe('completed')
          expect(options.ordered ? outputs : outputs.toSorted((a, b) => a.n - b.n)).toEqual(all)
          for (const key of 'abcd') {
            expect(entered.filter(record => record.key === key)).toEqual(
              all.filter(record => record.key === key),
            )
          }
        })
      }),
      { numRuns: 300 },
    )
  })

  test('a callback that throws ends it after the outputs of the records before, and nothing comes later', () => {
    fc.assert(
      fc.property(records, fc.nat(29), delays, pace, options, (all, bad, gaps, pace, options) => {
        virtually(scheduler => {
          const keyOrThrow = ({ key, n }: Numbered) => {
            if (n === bad) throw new Error('bad')
            return key
          }
          const { outputs, ending } = collect(
            arriving(all, gaps).pipe(
              lookupKV(slowStore(pace, new Memory(), scheduler), keyOrThrow, {
                ...options,
                project: record => record,
              }),
            ),
          )
          scheduler.flush()
          if (bad >= all.length) expect(ending()).toBe('completed')
          else expect(ending()).toMatchObject({ code: 'CALLBACK' })
          if (options.ordered) expect(outputs).toEqual(all.slice(0, bad))
          else for (const { n } of outputs) expect(n).not.toBe(bad)
        })
      }),
      { numRuns: 300 },
    )
  })
})
