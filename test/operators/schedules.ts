import fc from 'fast-check'
import { concatMap, defer, delay, from, type Observable, of, switchMap, timer } from 'rxjs'
import type { TestScheduler } from 'rxjs/testing'
import { json, type KVStore, type Memory } from '../../src/index.ts'
import { type Hook, hookedStore } from './engines.ts'

/** How long things take, in frames: each takes the next of these, in turn. */
export type Delays = readonly number[]

export const delays: fc.Arbitrary<Delays> = fc.array(fc.nat(4), { minLength: 1, maxLength: 8 })

/** Gives one delay after the other. */
const cycle = (all: Delays): (() => number) => {
  let next = 0
  return () => all[next++ % all.length]!
}

/** Lets every answer take its time, before the work is done and after it. */
const late = (all: Delays) => {
  const next = cycle(all)
  return <R>(answer$: Observable<R>): Observable<R> =>
    defer(() => timer(next()).pipe(switchMap(() => answer$.pipe(delay(next())))))
}

/** How a store behaves in a run: what it takes for its answers, and how many keys travel together. */
export interface Pace {
  readonly delays: Delays
  readonly batch: number
}

export const pace: fc.Arbitrary<Pace> = fc.record({ delays, batch: fc.integer({ min: 1, max: 4 }) })

/** A store of numbers, or of other JSON, in one memory or several that takes its time. */
export function slowStore<V = number>(
  { delays, batch }: Pace,
  memory: Memory | readonly Memory[],
  scheduler: TestScheduler,
  ...hooks: Hook[]
): KVStore<V> {
  const slow = late(delays)
  const options = {
    value: json<V>(),
    scheduler,
    memories: [memory].flat(),
    limits: { readBatch: batch, writeBatch: batch, inFlight: 2 },
  }
  return hookedStore(options, ...hooks, (_, answer$) => slow(answer$))
}

/** Emits the records, each so many frames after the one before. */
export const arriving = <T>(records: readonly T[], gaps: Delays): Observable<T> => {
  const next = cycle(gaps)
  return from(records).pipe(
    concatMap(record => {
      const gap = next()
      return gap === 0 ? of(record) : of(record).pipe(delay(gap))
    }),
  )
}
