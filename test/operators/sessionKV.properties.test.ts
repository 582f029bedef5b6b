import fc from 'fast-check'
import { merge, type Observable, toArray } from 'rxjs'
import { describe, expect, test } from 'vitest'
import {
  json,
  type KVStore,
  type Memory,
  type Session,
  type Sessions,
  type SessionUpdate,
  sessionKV,
} from '../../src/index.ts'
import { memoriesOf } from '../sharded/memories.ts'
import { virtually } from './cases.ts'
import { arriving, delays, pace, slowStore } from './schedules.ts'
import { addId, type Click, type Ids, joinIds, sessionsOf, sorted, userOf } from './sessions.ts'

type Output = [click: Click, session: SessionUpdate<Ids> | undefined]

const clicks = (span: number): fc.Arbitrary<Click[]> =>
  fc
    .array(fc.record({ user: fc.constantFrom('ann', 'bob'), at: fc.nat(span) }), { maxLength: 30 })
    .map(all => all.map((click, id) => ({ ...click, id })))

const rules = fc.record({
  gap: fc.integer({ min: 1, max: 8 }),
  grace: fc.nat(30),
  keep: fc.integer({ min: 1, max: 3 }),
})

const bounds = fc.record({ concurrency: fc.integer({ min: 1, max: 6 }), remember: fc.nat(3) })

const sessionsIn = (memories: readonly Memory[]): Session<Ids>[] =>
  sorted(
    memories
      .flatMap(({ entries }) => [...entries.values()])
      .flatMap(({ value }) => json<Sessions<Ids>>().decode(value)),
  )

const identityOf = ({ key, start }: Session<Ids>): string => `${key} ${start}`

const plain = ({ key, start, end, value }: Session<Ids>): Session<Ids> => ({ key, start, end, value })

/** The newest time of each user before each record. */
const lateness = (all: readonly Output[]): number[] => {
  const newest = new Map<string, number>()
  return all.map(([{ user, at }]) => {
    const before = newest.get(user) ?? at
    newest.set(user, Math.max(before, at))
    return before - at
  })
}

/** Runs the clicks through pipelines on one store, and checks what holds whatever the schedule. */
function check(
  pipelines: readonly { source$: Observable<Click>; store: KVStore<Sessions<Ids>>; options: object }[],
  memories: readonly Memory[],
  { gap, grace, keep }: { gap: number; grace: number; keep: number },
  flush: () => void,
): Output[] {
  const options = { timeOf: ({ at }: Click) => at, gap, grace, merge: joinIds, keep }
  let outputs: Output[] | undefined
  merge(
    ...pipelines.map(({ source$, store, options: more }) =>
      source$.pipe(sessionKV(store, userOf, addId, { ...options, ...more })),
    ),
  )
    .pipe(toArray())
    .subscribe(all => {
      outputs = all
    })
  flush()
  const all = outputs!
  const accepted = all.filter(([, session]) => session !== undefined).map(([click]) => click)
  const expected = sessionsOf(accepted, gap)

  // What was closed, and is not open, is what there is: each once.
  const newest = new Map(sessionsIn(memories).map(({ key, end }) => [key, end]))
  const isFinal = ({ key, end }: Session<Ids>): boolean => end + gap + grace < newest.get(key)!
  const closed = sorted(all.flatMap(([, session]) => session?.closed ?? []))
  expect(closed).toEqual(expected.filter(isFinal))
  const open = expected.filter(session => !isFinal(session))
  expect(sessionsIn(memories).filter(session => !isFinal(session))).toEqual(open)
  expect(sessionsIn(memories).filter(isFinal)).toEqual(
    ['ann', 'bob'].flatMap(user => closed.filter(({ key }) => key === user).slice(-keep)),
  )
  return all
}

/** A table that is kept by what each output replaces. */
function tableOf(all: readonly Output[]): Session<Ids>[] {
  const table = new Map<string, Session<Ids>>()
  for (const [, session] of all) {
    for (const replaced of session?.replaces ?? []) {
      expect(table.get(identityOf(replaced))).toEqual(replaced)
      table.delete(identityOf(replaced))
    }
    if (session !== undefined) table.set(identityOf(session), plain(session))
  }
  return sorted(table.values())
}

describe.each([1, 2])('sessionKV, whatever the order and the schedule, on %i shards', shards => {
  test('sessions are those of the records that were not late, and only what is older than grace is late', () => {
    fc.assert(
      fc.property(clicks(60), delays, pace, bounds, rules, (all, gaps, pace, bounds, rules) => {
        virtually(scheduler => {
          const memories = memoriesOf(shards)
          const store = slowStore(pace, memories, scheduler) as unknown as KVStore<Sessions<Ids>>
          const source$ = arriving(all, gaps)
          const outputs = check([{ source$, store, options: bounds }], memories, rules, () =>
            scheduler.flush(),
          )
          expect(outputs.map(([click]) => click)).toEqual(all)
          expect(tableOf(outputs)).toEqual(
            sessionsOf(
              outputs.filter(([, session]) => session !== undefined).map(([click]) => click),
              rules.gap,
            ),
          )
          lateness(outputs).forEach((late, i) => {
            if (outputs[i]![1] === undefined) expect(late).toBeGreaterThan(rules.grace)
          })
        })
      }),
      { numRuns: 300 },
    )
  })

  test('within grace the order of arrival does not matter', () => {
    const shuffled = clicks(40).chain(all =>
      fc.record({
        all: fc.constant(all),
        again: fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }),
      }),
    )
    fc.assert(
      fc.property(shuffled, delays, pace, bounds, ({ all, again }, gaps, pace, bounds) => {
        virtually(scheduler => {
          const memories = memoriesOf(shards)
          const store = slowStore(pace, memories, scheduler) as unknown as KVStore<Sessions<Ids>>
          const outputs = check(
            [{ source$: arriving(again, gaps), store, options: bounds }],
            memories,
            { gap: 3, grace: 40, keep: 1 },
            () => scheduler.flush(),
          )
          expect(outputs.every(([, session]) => session !== undefined)).toBe(true)
          expect(sessionsIn(memories)).toEqual(sessionsOf(all, 3))
        })
      }),
      { numRuns: 300 },
    )
  })

  test('several pipelines lose nothing', () => {
    const pipelines = fc.array(fc.record({ gaps: delays, pace, bounds }), { minLength: 2, maxLength: 3 })
    fc.assert(
      fc.property(clicks(60), pipelines, rules, (all, pipelines, rules) => {
        virtually(scheduler => {
          const memories = memoriesOf(shards)
          const outputs = check(
            pipelines.map(({ gaps, pace, bounds }, which) => ({
              source$: arriving(
                all.filter(({ id }) => id % pipelines.length === which),
                gaps,
              ),
              store: slowStore(pace, memories, scheduler) as unknown as KVStore<Sessions<Ids>>,
              options: bounds,
            })),
            memories,
            rules,
            () => scheduler.flush(),
          )
          expect(outputs).toHaveLength(all.length)
        })
      }),
      { numRuns: 300 },
    )
  })
})
