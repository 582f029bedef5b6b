import { delay, of } from 'rxjs'
import { TestScheduler } from 'rxjs/testing'
import { type JobEvent, json, type KVStore, memoryStore } from 'rxkeeper'
import { expect, test } from 'vitest'
import { counting, type Visit, visit } from './visits.ts'

const a = visit('alice')
const b = visit('bob')

/** Runs a test on virtual time, with a store on it. */
const virtually = (
  work: (
    helpers: Parameters<Parameters<TestScheduler['run']>[0]>[0],
    store: KVStore<number>,
    scheduler: TestScheduler,
  ) => void,
): void => {
  const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected))
  scheduler.run(helpers => work(helpers, memoryStore({ value: json<number>(), scheduler }), scheduler))
}

test('outputs come when their records do', () => {
  virtually(({ hot, expectObservable, flush }, store, scheduler) => {
    const outputs: [at: number, user: string, count: number | undefined][] = []
    const run = counting().run({
      store,
      scheduler,
      input: hot<Visit>('a 9ms b 9ms a 9ms |', { a, b }),
      output: ([{ user }, count]) => outputs.push([scheduler.now(), user, count]),
    })
    const ends: unknown[] = []
    run.subscribe({ complete: () => ends.push(scheduler.now()) })
    expectObservable(store.get$('alice')).toBe('(x|)', { x: undefined })
    flush()
    expect(outputs).toEqual([
      [0, 'alice', 1],
      [10, 'bob', 1],
      [20, 'alice', 2],
    ])
    expect(ends).toEqual([30])
  })
})

test('figures come at their interval, and the last at the end', () => {
  virtually(({ hot, flush }, store, scheduler) => {
    const figures: unknown[] = []
    counting()
      .run({ store, scheduler, interval: 10, input: hot<Visit>('a 14ms b 9ms |', { a, b }) })
      .subscribe((event: JobEvent<Visit>) => {
        if (event.type === 'figures')
          figures.push([scheduler.now(), event.figures.total.records, event.figures.final])
      })
    flush()
    expect(figures).toEqual([
      [10, 1, false],
      [20, 2, false],
      [25, 2, true],
    ])
  })
})

test('a stopped job waits for what is in flight', () => {
  virtually(({ hot, flush }, store, scheduler) => {
    const events: unknown[] = []
    const run = counting().run({
      store,
      scheduler,
      input: hot<Visit>('a 4ms b 4ms a', { a, b }),
      output: () => of(null).pipe(delay(20)),
    })
    run.subscribe({
      next: event => {
        if (event.type.startsWith('stop')) events.push([scheduler.now(), event.type])
      },
    })
    scheduler.schedule(() => run.stop(), 7)
    flush()
    expect(events).toEqual([
      [7, 'stopping'],
      // Two outputs, one after the other, of 20 ms each.
      [40, 'stopped'],
    ])
  })
})

test('an input that fails on virtual time fails the job then', () => {
  virtually(({ cold, flush }, store, scheduler) => {
    const errors: unknown[] = []
    const input = cold<Visit>('a 4ms #', { a }, new Error('torn'))
    counting()
      .run({ store, scheduler, input })
      .subscribe({ error: error => errors.push([scheduler.now(), error.message]) })
    flush()
    expect(errors).toEqual([[5, 'torn']])
  })
})
