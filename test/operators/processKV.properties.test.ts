import fc from 'fast-check'
import { mergeMap, type Observable, timer } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { json, KVError, type KVStore, Memory, type ProcessOptions, processKV } from '../../src/index.ts'
import { memoriesOf } from '../sharded/memories.ts'
import { virtually } from './cases.ts'
import { hookedStore, refusing } from './engines.ts'
import { arriving, delays, pace, slowStore } from './schedules.ts'

/** Adds to a key; `delete` removes it, `throw` is a bad record. */
interface Step {
  readonly key: string
  readonly add: number | 'delete' | 'throw'
}

const key = fc.constantFrom('a', 'b', 'c', 'd')
const steps = fc.array(
  fc.record({
    key,
    add: fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: 0, max: 3 }) },
      { weight: 1, arbitrary: fc.constant('delete' as const) },
      { weight: 1, arbitrary: fc.constant('throw' as const) },
    ),
  }),
  { maxLength: 30 },
)
const bounds = fc.record({ commitSize: fc.integer({ min: 1, max: 6 }), remember: fc.nat(5) })

const transform = ({ add }: Step, sum: number | undefined): number | undefined => {
  if (add === 'throw') throw new Error('bad')
  return add === 'delete' ? undefined : (sum ?? 0) + add
}

interface Output {
  readonly step: Step
  readonly value: number | undefined
  readonly previous: number | undefined
}

type Event = Output | { readonly letter: Step }

/** Runs the steps; what came out and which were dead letters, in order. */
const run = (
  source$: Observable<Step>,
  store: KVStore<number>,
  options: ProcessOptions<Step, number, number | undefined, Output>,
): { events: Event[]; ending: () => unknown } => {
  const events: Event[] = []
  let ending: unknown = 'pending'
  source$
    .pipe(
      processKV(store, step => step.key, transform, {
        ...options,
        project: (step, value, previous) => ({ step, value, previous }),
        deadLetter: ({ record }) => events.push({ letter: record }),
      }),
    )
    .subscribe({
      next: output => events.push(output),
      error: error => {
        ending = error
      },
      complete: () => {
        ending = 'completed'
      },
    })
  return { events, ending: () => ending }
}

/** What the steps come to one after the other, on `state`. */
const fold = (all: readonly Step[], state: Map<string, number>): Event[] =>
  all.map(step => {
    if (step.add === 'throw') return { letter: step }
    const previous = state.get(step.key)
    const value = transform(step, previous)
    if (value === undefined) state.delete(step.key)
    else state.set(step.key, value)
    return { step, value, previous }
  })

const stored = (...memories: readonly Memory[]): Record<string, number> =>
  Object.fromEntries(
    memories.flatMap(({ entries }) =>
      [...entries].map(([key, { value }]) => [key, json<number>().decode(value)] as const),
    ),
  )

describe.each([1, 3])('processKV, whatever the schedule, on %i shards', shards => {
  test('comes to the same as the steps one after the other', () => {
    fc.assert(
      fc.property(
        steps,
        delays,
        pace,
        bounds,
        fc.integer({ min: 1, max: 6 }),
        (all, gaps, pace, bounds, most) => {
          virtually(scheduler => {
            const memories = memoriesOf(shards)
            const refuse = refusing(writes =>
              writes.length > most ? new KVError('VALUE_TOO_LARGE', 'too many') : undefined,
            )
            const store = slowStore(pace, memories, scheduler, refuse)
            const { events, ending } = run(arriving(all, gaps), store, bounds)
            scheduler.flush()
            const expected = new Map<string, number>()
            expect(events).toEqual(fold(all, expected))
            expect(ending()).toBe('completed')
            expect(stored(...memories)).toEqual(Object.fromEntries(expected))
          })
        },
      ),
      { numRuns: shards === 1 ? 500 : 200 },
    )
  })

  test('several pipelines and writers never lose an update', () => {
    const additions = fc.array(fc.record({ key, add: fc.integer({ min: 0, max: 3 }) }), { maxLength: 20 })
    const pipelines = fc.array(fc.record({ all: additions, gaps: delays, pace, bounds }), {
      minLength: 1,
      maxLength: 3,
    })
    const others = fc.array(fc.record({ at: fc.nat(60), key }), { maxLength: 10 })
    fc.assert(
      fc.property(pipelines, others, (pipelines, others) => {
        virtually(scheduler => {
          const memories = memoriesOf(shards)
          const other = hookedStore<number>({ value: json<number>(), memories, scheduler })
          for (const { at, key } of others) {
            timer(at)
              .pipe(mergeMap(() => other.update$(key, (sum = 0) => sum + 100)))
              .subscribe()
          }
          const runs = pipelines.map(({ all, gaps, pace, bounds }) =>
            run(arriving(all, gaps), slowStore(pace, memories, scheduler), bounds),
          )
          scheduler.flush()
          const expected: Record<string, number> = {}
          for (const { key, add } of [
            ...pipelines.flatMap(({ all }) => all),
            ...others.map(({ key }) => ({ key, add: 100 })),
          ]) {
            expected[key] = (expected[key] ?? 0) + add
          }
          expect(stored(...memories)).toEqual(expected)
          runs.forEach(({ events, ending }, i) => {
            expect(ending()).toBe('completed')
            expect(events.map(event => (event as Output).step)).toEqual(pipelines[i]!.all)
            for (const event of events) {
              const { step, value, previous } = event as Output
              expect(value).toBe((previous ?? 0) + (step.add as number))
            }
          })
        })
      }),
      { numRuns: shards === 1 ? 500 : 200 },
    )
  })
})

describe('processKV, whatever the schedule,', () => {
  test('an output is only emitted when its write is durable, also where commits fail', () => {
    const failures = fc.array(fc.boolean(), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(steps, delays, pace, bounds, failures, (all, gaps, pace, bounds, failures) => {
        virtually(scheduler => {
          const memory = new Memory()
          let commits = 0
          const refuse = refusing(() =>
            failures[commits++ % failures.length] ? new KVError('INDETERMINATE', 'who knows') : undefined,
          )
          const store = slowStore(pace, memory, scheduler, refuse)
          const { events, ending } = run(arriving(all, gaps), store, bounds)
          scheduler.flush()
          const emitted = new Map<string, number>()
          expect(events).toEqual(fold(all.slice(0, events.length), emitted))
          if (ending() === 'completed') expect(events).toHaveLength(all.length)
          else expect(ending()).toMatchObject({ code: 'INDETERMINATE' })
          expect(stored(memory)).toEqual(Object.fromEntries(emitted))
        })
      }),
      { numRuns: 500 },
    )
  })

  test('unsubscribing at any time stops everything', () => {
    fc.assert(
      fc.property(steps, delays, pace, bounds, fc.nat(80), (all, gaps, pace, bounds, at) => {
        virtually(scheduler => {
          const memory = new Memory()
          const store = slowStore(pace, memory, scheduler)
          const outputs: Output[] = []
          const subscription = arriving(all, gaps)
            .pipe(
              processKV(store, step => step.key, transform, {
                ...bounds,
                project: (step, value, previous) => ({ step, value, previous }),
              }),
            )
            .subscribe({ next: output => outputs.push(output), error: () => {} })
          let seen = -1
          timer(at).subscribe(() => {
            subscription.unsubscribe()
            seen = outputs.length
          })
          scheduler.flush()
          expect(outputs).toHaveLength(seen)
          expect(outputs).toEqual(fold(all.slice(0, seen), new Map()))
        })
      }),
      { numRuns: 300 },
    )
  })
})
