import fc from 'fast-check'
import { concat, map, NEVER, type Observable, type OperatorFunction } from 'rxjs'
import type { TestScheduler } from 'rxjs/testing'
import { describe, expect, test } from 'vitest'
import {
  type DeadLetter,
  type EventTimeOptions,
  FiredTimer,
  type JoinBuffers,
  type JoinType,
  joinKV,
  json,
  type KVStore,
  type Session,
  type Sessions,
  type Sided,
  sessionKV,
  type Window,
  windowKV,
} from '../../src/index.ts'
import { withoutHeader } from '../../src/store/header.ts'
import { virtually } from './cases.ts'
import {
  addId,
  type Click,
  joinModel,
  type Pair,
  sessionModel,
  showPair,
  windowModel,
} from './final-model.ts'
import { arriving, type Delays, delays, type Pace, pace, slowStore } from './schedules.ts'
import { type Ids, joinIds } from './sessions.ts'
import { Place, type Troubles, troublesWith } from './timers/place.ts'

/*
 * What is final is what a model comes to that knows no batches, commits and restarts: each result once in the store, whatever the
 * schedule, the conflicts and the deaths; and emitted once at most.
 */

/** Clicks whose times go forward, and back now and then. */
const clicks: fc.Arbitrary<Click[]> = fc
  .array(
    fc.record({
      user: fc.constantFrom('ann', 'bob'),
      side: fc.constantFrom('left' as const, 'right' as const),
      step: fc.integer({ min: -12, max: 20 }),
    }),
    { maxLength: 30 },
  )
  .map(all => {
    let at = 100
    return all.map(({ user, side, step }, i) => {
      at = Math.max(0, at + step)
      return { user, side, at, id: i + 1 }
    })
  })

interface Schedule {
  readonly gaps: Delays
  readonly pace: Pace
  readonly commitSize: number
  readonly remember: number
}

const schedules: fc.Arbitrary<Schedule> = fc.record({
  gaps: delays,
  pace,
  commitSize: fc.integer({ min: 1, max: 6 }),
  remember: fc.constantFrom(0, 100),
})

const lives = fc.array(
  troublesWith(
    'conflict',
    'done, not answered',
    'not done, not answered',
    'too large',
    'taken over',
    'killed',
  ),
  { maxLength: 4 },
)

/** What came of the clicks in all lives. */
class Outcome {
  readonly emitted: string[] = []
  readonly late: number[] = []
  readonly place = new Place()
  ending: unknown

  /** What the commits wrote of results: each once. */
  get results(): string[] {
    return [...this.place.memory.entries.keys()]
      .filter(key => key.startsWith('result '))
      .map(key => key.slice(7))
  }

  /** What is stored under other keys. */
  state<V>(): Map<string, V> {
    const all = [...this.place.memory.entries].filter(([key]) => !key.startsWith('result '))
    return new Map(all.map(([key, { value }]) => [key, json<V>().decode(withoutHeader(value))]))
  }
}

type Make<V, R> = (store: KVStore<V>, options: EventTimeOptions<Click, V, R>) => OperatorFunction<Click, R>

/** Runs the clicks in one life after the other, the last without trouble. */
function live<V, R>(
  all: readonly Click[],
  make: Make<V, R>,
  show: (result: R) => string,
  schedule: Schedule,
  lives: readonly Troubles[],
  scheduler: TestScheduler,
  end$: Observable<never> = concat(),
): Outcome {
  const outcome = new Outcome()
  const { place } = outcome
  for (const troubles of [...lives, new Map()]) {
    const fence = place.claim()
    const store = slowStore(schedule.pace, place.memory, scheduler, place.trouble(troubles))
    const operator = make(store as unknown as KVStore<V>, {
      commitSize: schedule.commitSize,
      remember: schedule.remember,
      partition: { fences: [fence] },
      positionOf: ({ id }) => id,
      deadLetter: ({ record, error }: DeadLetter<Click | FiredTimer>) => {
        if (record instanceof FiredTimer) throw new Error('a timer failed')
        expect(error.code).toBe('LATE')
        outcome.late.push(record.id)
      },
      commitOutputs: results =>
        results.map(result => ({
          type: 'put',
          key: `result ${show(result)}`,
          bytes: Buffer.from('1'),
          ifVersion: 'absent',
        })),
    })
    const rest = all.slice((fence.state.position as number | undefined) ?? 0)
    outcome.ending = 'killed'
    const running = concat(arriving(rest, schedule.gaps), end$)
      .pipe(operator)
      .subscribe({
        next: result => outcome.emitted.push(show(result)),
        error: error => {
          outcome.ending = error
        },
        complete: () => {
          outcome.ending = 'completed'
        },
      })
    place.kill = () => running.unsubscribe()
    scheduler.flush()
  }
  return outcome
}

const sorted = <T>(all: Iterable<T>): T[] => [...all].sort()

function expectOutcome(
  outcome: Outcome,
  results: Iterable<string>,
  late: readonly number[],
  isCalm: boolean,
): void {
  const expected = sorted(results)
  expect(sorted(outcome.results)).toEqual(expected)
  expect(new Set(outcome.emitted).size).toBe(outcome.emitted.length)
  if (isCalm) {
    expect(sorted(outcome.emitted)).toEqual(expected)
    expect(outcome.late).toEqual(late)
  } else {
    for (const emitted of outcome.emitted) expect(expected).toContain(emitted)
    for (const id of outcome.late) expect(late).toContain(id)
  }
}

const lateness = fc.constantFrom(0, 5, 15)
const atEnd = fc.boolean()

describe('windows that are told when they are final', () => {
  const layout = fc
    .record({ size: fc.integer({ min: 5, max: 30 }), hops: fc.constantFrom(1, 1, 2) })
    .map(({ size, hops }) => ({ size, every: Math.ceil(size / hops) }))

  const show = ({ key, start, value }: Window<Ids>): string => `${key} ${start}: ${value}`

  test('each once, with all records that were not late', () => {
    const keeps = fc.constantFrom(undefined, 0, 20)
    fc.assert(
      fc.property(
        clicks,
        lateness,
        layout,
        keeps,
        atEnd,
        schedules,
        lives,
        (all, lateness, layout, keep, closeAtEnd, schedule, lives) => {
          // Windows that overlap cannot have a partition.
          const { size, every } = { ...layout, every: layout.size }
          virtually(scheduler => {
            const outcome = live<Window<Ids>, Window<Ids>>(
              all,
              (store, options) =>
                windowKV(store, ({ user }: Click) => user, addId, {
                  ...(options as EventTimeOptions<Click, Window<Ids>, Window<Ids> & { final: true }>),
                  emit: 'final',
                  timeOf: ({ at }) => at,
                  size,
                  lateness,
                  keep,
                  closeAtEnd,
                }),
              show,
              schedule,
              lives,
              scheduler,
            )
            const { windows, late, end } = windowModel(all, lateness, { size, every })
            const isFinal = (window: Window<Ids>): boolean => closeAtEnd || window.end <= end
            expect(outcome.ending).toBe('completed')
            expectOutcome(outcome, windows.filter(isFinal).map(show), late, lives.length === 0)
            const state = [...outcome.state<Window<Ids>>().values()]
            const open = state.filter(({ final }) => final !== true)
            expect(sorted(open.map(show))).toEqual(
              sorted(windows.filter(window => !isFinal(window)).map(show)),
            )
            const final = sorted(state.filter(({ final }) => final).map(show))
            if (keep === undefined) expect(final).toEqual(sorted(windows.filter(isFinal).map(show)))
            if (keep === 0) expect(final).toEqual([])
          })
        },
      ),
      { numRuns: 400 },
    )
  })
})
describe('sessions that are told when they are final', () => {
  const show = ({ key, start, end, value }: Session<Ids>): string => `${key} ${start}-${end}: ${value}`

  const make =
    (gap: number, grace: number, keep: number, more: object): Make<Sessions<Ids>, Session<Ids>> =>
    (store, options) =>
      sessionKV(
        store,
        ({ user }: Click) => user,
        (click: Click, ids?: Ids) => joinIds(addId(click), ids ?? []),
        {
          ...(options as EventTimeOptions<Click, Sessions<Ids>, Session<Ids> & { final: true }>),
          emit: 'final',
          timeOf: ({ at }) => at,
          merge: joinIds,
          gap,
          grace,
          keep,
          ...more,
        },
      )

  const gaps = fc.integer({ min: 1, max: 12 })
  const keeps = fc.constantFrom(0, 1, 3)

  test('each once, with all records that were not late', () => {
    fc.assert(
      fc.property(
        clicks,
        gaps,
        lateness,
        keeps,
        atEnd,
        schedules,
        lives,
        (all, gap, grace, keep, closeAtEnd, schedule, lives) => {
          virtually(scheduler => {
            const outcome = live(
              all,
              make(gap, grace, keep, { closeAtEnd }),
              show,
              schedule,
              lives,
              scheduler,
            )
            const { sessions, late, end } = sessionModel(all, gap, grace)
            const isFinal = (session: Session<Ids>): boolean => closeAtEnd || session.end + gap < end
            expect(outcome.ending).toBe('completed')
            expectOutcome(outcome, sessions.filter(isFinal).map(show), late, lives.length === 0)
            const state = [...outcome.state<Sessions<Ids>>().values()].flat()
            const open = state.filter(({ final }) => final !== true)
            expect(sorted(open.map(show))).toEqual(
              sorted(sessions.filter(session => !isFinal(session)).map(show)),
            )
            if (keep === 0 && closeAtEnd) expect(state).toEqual([])
          })
        },
      ),
      { numRuns: 400 },
    )
  })

  test('all of them, without a further click, where time goes on by the clock', () => {
    fc.assert(
      fc.property(clicks, gaps, lateness, schedules, lives, (all, gap, grace, schedule, lives) => {
        virtually(scheduler => {
          // So long that it is not over between two clicks.
          const more = { idleAfter: 1000 }
          const outcome = live(all, make(gap, grace, 1, more), show, schedule, lives, scheduler, NEVER)
          const { sessions, late } = sessionModel(all, gap, grace)
          expectOutcome(outcome, sessions.map(show), late, lives.length === 0)
        })
      }),
      { numRuns: 300 },
    )
  })
})

describe('two streams that are joined', () => {
  const make =
    (options: object): Make<JoinBuffers<Click, Click>, Pair> =>
    (store, { positionOf, deadLetter, ...more }) => {
      const side = { keyOf: ({ user }: Click) => user, timeOf: ({ at }: Click) => at }
      const clickOf = (record: Sided<Click, Click>): Click => ('left' in record ? record.left : record.right)
      const join = joinKV<Click, Click, 'outer', Pair>(store, {
        ...(more as object),
        left: side,
        right: side,
        positionOf: record => positionOf!(clickOf(record)),
        deadLetter: ({ record, error }) =>
          (deadLetter as (letter: DeadLetter<Click | FiredTimer>) => void)({
            record: record instanceof FiredTimer ? record : clickOf(record),
            error,
          }),
        ...options,
      })
      return source =>
        source.pipe(
          map((click): Sided<Click, Click> => (click.side === 'left' ? { left: click } : { right: click })),
          join,
        )
    }

  const bounds = fc.record({ before: fc.nat(20), after: fc.nat(20) })
  const types = fc.constantFrom<JoinType>('inner', 'left', 'outer')

  test('are joined in each pair once, of all records that were not late; those alone are told once', () => {
    fc.assert(
      fc.property(
        clicks,
        bounds,
        types,
        lateness,
        atEnd,
        schedules,
        lives,
        (all, { before, after }, type, lateness, closeAtEnd, schedule, lives) => {
          virtually(scheduler => {
            const options = { before, after, type, lateness, closeAtEnd }
            const outcome = live(all, make(options), showPair, schedule, lives, scheduler)
            const { pairs, alone, waiting, late } = joinModel(all, before, after, lateness, type)
            expect(outcome.ending).toBe('completed')
            expectOutcome(outcome, [...pairs, ...alone(closeAtEnd)].map(showPair), late, lives.length === 0)
            const state = [...outcome.state<JoinBuffers<Click, Click>>().values()]
            const ids = state.flatMap(({ left, right }) => [...left, ...right].map(({ record }) => record.id))
            expect(sorted(ids)).toEqual(sorted(waiting(closeAtEnd)))
          })
        },
      ),
      { numRuns: 400 },
    )
  })

  test('a side that is idle holds nothing back', () => {
    fc.assert(
      fc.property(clicks, bounds, schedules, lives, (all, { before, after }, schedule, lives) => {
        virtually(scheduler => {
          // So long that it is not over between two clicks.
          const options = { before, after, type: 'outer', lateness: 15, idleAfter: 1000 }
          const outcome = live(all, make(options), showPair, schedule, lives, scheduler, NEVER)
          const { pairs, alone, late } = joinModel(all, before, after, 15, 'outer')
          expectOutcome(outcome, [...pairs, ...alone(true)].map(showPair), late, lives.length === 0)
          expect(outcome.state()).toEqual(new Map())
        })
      }),
      { numRuns: 300 },
    )
  })
})
