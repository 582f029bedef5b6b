import fc from 'fast-check'
import type { TestScheduler } from 'rxjs/testing'
import { expect, test } from 'vitest'
import { FiredTimer, json, processKV } from '../../../src/index.ts'
import { headerOf, withoutHeader } from '../../../src/store/header.ts'
import { virtually } from '../cases.ts'
import { arriving, type Delays, delays, type Pace, pace, slowStore } from '../schedules.ts'
import { type Event, events, type History, Model, onTimer, transform } from './model.ts'
import { Place, type Troubles, troublesWith } from './place.ts'

/*
 * Timers fire once, whatever the schedule, the conflicts and the deaths: what is emitted of each key, and what is stored in the
 * end, is what a model comes to that knows no batches, commits and restarts.
 */

/** The state: the history and the timers of each key. */
const stateOf = ({ memory }: Place): [key: string, history: History, timers: Map<string, number>][] =>
  [...memory.entries]
    .map(([key, { value }]): [string, History, Map<string, number>] => [
      key,
      json<History>().decode(withoutHeader(value)),
      new Map(headerOf(value)?.timers),
    ])
    .sort(([a], [b]) => (a < b ? -1 : 1))

interface Schedule {
  readonly gaps: Delays
  readonly pace: Pace
  readonly commitSize: number
  readonly lateness: number
  readonly remember: number
}

const schedules: fc.Arbitrary<Schedule> = fc.record({
  gaps: delays,
  pace,
  commitSize: fc.integer({ min: 1, max: 6 }),
  lateness: fc.constantFrom(0, 10),
  remember: fc.constantFrom(0, 100),
})

function run(
  all: readonly Event[],
  place: Place,
  schedule: Schedule,
  scheduler: TestScheduler,
  troubles: Troubles,
): { readonly outputs: string[]; ending: unknown } {
  const { gaps, pace, commitSize, lateness, remember } = schedule
  const fence = place.claim()
  const store = slowStore<History>(pace, place.memory, scheduler, place.trouble(troubles))
  const result = { outputs: [] as string[], ending: 'killed' as unknown }
  const running = arriving(all.slice((fence.state.position as number | undefined) ?? 0), gaps)
    .pipe(
      processKV(store, event => event.key, transform, {
        commitSize,
        remember,
        partition: { fences: [fence] },
        positionOf: ({ position }) => position,
        deadLetter: ({ record }) => {
          if (record instanceof FiredTimer) throw new Error('a timer failed')
          result.outputs.push(`${record.key} bad ${record.position}`)
        },
        project: ({ key, position }, history) => `${key} ${position}: ${history}`,
        timers: {
          timeOf: ({ at }) => at,
          lateness,
          onTimer,
          project: ({ key, name, at }, history) => `${key} ${name}@${at}: ${history}`,
        },
      }),
    )
    .subscribe({
      next: output => result.outputs.push(output),
      error: error => {
        result.ending = error
      },
      complete: () => {
        result.ending = 'completed'
      },
    })
  place.kill = () => running.unsubscribe()
  return result
}

const expectState = (place: Place, { state }: Model): void =>
  expect(stateOf(place)).toEqual(
    [...state]
      .map(([key, { history, timers }]) => [key, history, timers])
      .sort(([a], [b]) => (a! < b! ? -1 : 1)),
  )

/** A record that fails leaves the timers that are due to those that come after it. */
const isBad = (output: string): boolean => output.includes(' bad ')
const of = (key: string, outputs: readonly string[]): string[] =>
  outputs.filter(output => output.startsWith(`${key} `) && !isBad(output))

test('what comes of each key is what comes of it one by one, whatever becomes of the commits', () => {
  const troubles = troublesWith('conflict', 'done, not answered', 'not done, not answered', 'too large')
  fc.assert(
    fc.property(events, schedules, troubles, (all, schedule, troubles) => {
      virtually(scheduler => {
        const place = new Place()
        const model = new Model(all, schedule.lateness)
        const result = run(all, place, schedule, scheduler, troubles)
        scheduler.flush()
        expect(result.ending).toBe('completed')
        for (const key of ['a', 'b', 'c']) expect(of(key, result.outputs)).toEqual(of(key, model.outputs))
        expect(result.outputs.filter(isBad)).toEqual(model.outputs.filter(isBad))
        expectState(place, model)
      })
    }),
    { numRuns: 500 },
  )
})

test('no timer is lost or fires twice when owners die or are taken over from', () => {
  const troubles = troublesWith(
    'conflict',
    'done, not answered',
    'not done, not answered',
    'taken over',
    'killed',
  )
  fc.assert(
    fc.property(events, schedules, fc.array(troubles, { maxLength: 4 }), (all, schedule, lives) => {
      virtually(scheduler => {
        const place = new Place()
        const model = new Model(all, schedule.lateness)
        const outputs: string[] = []
        for (const troubles of [...lives, new Map()]) {
          const result = run(all, place, schedule, scheduler, troubles)
          scheduler.flush()
          outputs.push(...result.outputs)
        }
        // Emitted once at most: what the former owner had committed and not heard of is not.
        for (const output of outputs) expect(model.outputs).toContain(output)
        expect(new Set(outputs).size).toBe(outputs.length)
        expectState(place, model)
      })
    }),
    { numRuns: 500 },
  )
})
