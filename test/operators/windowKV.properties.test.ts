import fc from 'fast-check'
import { map } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { json, type KVStore, type Memory, type Window, windowKV } from '../../src/index.ts'
import { memoriesOf } from '../sharded/memories.ts'
import { virtually } from './cases.ts'
import { arriving, delays, pace, slowStore } from './schedules.ts'

interface Amount {
  readonly key: string
  readonly at: number
  readonly amount: number
}

/** Many records of few windows, also before 1970; keys that need care in a store key. */
const amounts = fc.array(
  fc.record({
    key: fc.constantFrom('a', 'a@', '%40', 'b'),
    at: fc.oneof(fc.integer({ min: -40, max: 60 }), fc.double({ min: -40, max: 60, noNaN: true })),
    amount: fc.integer({ min: 1, max: 9 }),
  }),
  { maxLength: 25 },
)

interface Layout {
  readonly size: number
  readonly every: number
  readonly keep: number | undefined
}

const layout: fc.Arbitrary<Layout> = fc
  .record({ size: fc.integer({ min: 1, max: 30 }), least: fc.integer({ min: 1, max: 30 }) })
  .chain(({ size, least }) => {
    const every = Math.min(size, Math.max(least, Math.ceil(size / 4)))
    const keep = fc.integer({ min: Math.ceil(size / every), max: 6 })
    return fc.record({
      size: fc.constant(size),
      every: fc.constant(every),
      keep: fc.option(keep, { nil: undefined }),
    })
  })

/** Whether a window has the time: said of each candidate, without a formula for the first. */
const startsOf = (at: number, { size, every }: Layout): number[] => {
  const starts: number[] = []
  for (let n = -200; n <= 200; n++) if (n * every <= at && at < n * every + size) starts.push(n * every)
  return starts
}

/** All windows that have a record; with `keep`, the newest of those whose numbers leave the same remainder. */
function model(all: readonly Amount[], layout: Layout): Set<string> {
  const sums = new Map<string, Window<number>>()
  for (const { key, at, amount } of all) {
    for (const start of startsOf(at, layout)) {
      const id = `${key} ${start}`
      const value = (sums.get(id)?.value ?? 0) + amount
      sums.set(id, { key, start, end: start + layout.size, value })
    }
  }
  const { keep, every } = layout
  const windows = [...sums.values()]
  const sharesPlace = (a: Window<number>, b: Window<number>): boolean =>
    a.key === b.key && keep !== undefined && ((a.start - b.start) / every) % keep === 0
  const left = windows.filter(a => !windows.some(b => sharesPlace(a, b) && b.start > a.start))
  return new Set(left.map(window => JSON.stringify(window)))
}

const stored = (memories: readonly Memory[]): Set<string> =>
  new Set(
    memories.flatMap(({ entries }) =>
      [...entries.values()].map(({ value }) => Buffer.from(value).toString()),
    ),
  )

const sum = (store: KVStore<number>, layout: Layout, concurrency: number) =>
  windowKV(
    store as unknown as KVStore<Window<number>>,
    ({ key }: Amount) => key,
    ({ amount }, total = 0) => total + amount,
    { timeOf: ({ at }) => at, commitSize: concurrency, ...layout },
  )

const concurrency = fc.integer({ min: 1, max: 6 })

describe.each([1, 3])('windowKV, whatever the schedule, on %i shards', shards => {
  test('the final state is that of the records, in whatever order they came, whoever processed them', () => {
    const pipelines = fc.integer({ min: 1, max: 3 })
    const shuffled = amounts.chain(all =>
      fc.record({
        all: fc.constant(all),
        order: fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }),
      }),
    )
    fc.assert(
      fc.property(
        shuffled,
        layout,
        pipelines,
        delays,
        pace,
        concurrency,
        ({ all, order }, layout, pipelines, gaps, pace, concurrency) => {
          virtually(scheduler => {
            const memories = memoriesOf(shards)
            const completed: number[] = []
            for (let i = 0; i < pipelines; i++) {
              arriving(
                order.filter((_, index) => index % pipelines === i),
                gaps,
              )
                .pipe(sum(slowStore(pace, memories, scheduler), layout, concurrency))
                .subscribe({ complete: () => completed.push(i) })
            }
            scheduler.flush()
            expect(completed).toHaveLength(pipelines)
            expect(stored(memories)).toEqual(model(all, layout))
          })
        },
      ),
      { numRuns: 300 },
    )
  })

  test('each output is what its window has come to; late are those that newer records have passed', () => {
    fc.assert(
      fc.property(amounts, layout, delays, pace, concurrency, (all, layout, gaps, pace, concurrency) => {
        virtually(scheduler => {
          const outputs: unknown[] = []
          arriving(all, gaps)
            .pipe(
              sum(slowStore(pace, memoriesOf(shards), scheduler), layout, concurrency),
              map(([record, window]) => ({ record, window })),
            )
            .subscribe(output => outputs.push(output))
          scheduler.flush()
          const expected = all.flatMap((record, i) => {
            const newest = Math.max(...all.slice(0, i).map(({ at }) => at))
            const left = model(all.slice(0, i + 1), layout)
            return startsOf(record.at, layout).map(start => {
              const window = [...left]
                .map(text => json<Window<number>>().decode(Buffer.from(text)))
                .find(window => window.key === record.key && window.start === start)
              return { record, window: window && { ...window, late: window.end <= newest } }
            })
          })
          expect(outputs).toEqual(expected)
        })
      }),
      { numRuns: 300 },
    )
  })
})
