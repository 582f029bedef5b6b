import fc from 'fast-check'
import { defer, mergeMap, type Observable, throwError } from 'rxjs'
import type { TestScheduler } from 'rxjs/testing'
import { expect, test } from 'vitest'
import type { Write } from '../../../src/contract/engine.ts'
import { isNodeKey, nodeKey } from '../../../src/contract/nodes.ts'
import { type Fence, FiredTimer, json, KVError, Memory, MemoryEngine, processKV } from '../../../src/index.ts'
import { NodeFence, strideOf } from '../../../src/store/fence.ts'
import { headerOf, withoutHeader } from '../../../src/store/header.ts'
import { recordOf } from '../../../src/store/partition-record.ts'
import { virtually } from '../cases.ts'
import type { Hook } from '../engines.ts'
import { arriving, type Delays, delays, type Pace, pace, slowStore } from '../schedules.ts'
import { type Event, events, type History, Model, onTimer, transform } from './model.ts'

/*
 * Timers fire once, whatever the schedule, the conflicts and the deaths: what is emitted of each key, and what is stored in the
 * end, is what a model comes to that knows no batches, commits and restarts.
 */

/** What becomes of a commit, beside being carried out and answered. */
type Trouble =
  | 'conflict'
  | 'done, not answered'
  | 'not done, not answered'
  | 'too large'
  | 'taken over'
  | 'killed'

const NODE = nodeKey('groups', 'g', 'partitions', 'p')

class Place {
  readonly memory = new Memory()
  #commits = 0
  #owners = 0
  /** Ends the process that runs. */
  kill: () => void = () => {}

  claim(): Fence<unknown> {
    const engine = new MemoryEngine(this.memory)
    let fence: Fence<unknown> | undefined
    engine.read([NODE]).subscribe(([stored]) => {
      const owner = `owner ${++this.#owners}`
      const record = { ...recordOf<unknown>(NODE, stored), owner }
      const { writes, version } = strideOf(NODE, record, stored?.version ?? 'absent')
      engine.commit(writes).subscribe()
      fence = new NodeFence({ node: NODE, partition: 'p', owner }, version, record, () => {})
    })
    return fence!
  }

  trouble(troubles: ReadonlyMap<number, Trouble>): Hook {
    const unanswered = (): KVError => new KVError('INDETERMINATE', 'no answer came')
    return <R>(
      { name, writes }: { name: string; writes: readonly Write[] },
      answer$: Observable<R>,
    ): Observable<R> => {
      if (name !== 'commit' || writes.every(({ type }) => type === 'check')) return answer$
      return defer(() => {
        switch (troubles.get(this.#commits++)) {
          case 'conflict':
            this.#touch(writes)
            return answer$
          case 'taken over':
            this.claim()
            return answer$
          case 'killed':
            this.kill()
            return answer$
          case 'done, not answered':
            return answer$.pipe(mergeMap(() => throwError(unanswered)))
          case 'not done, not answered':
            return throwError(unanswered)
          case 'too large':
            return writes.filter(({ key }) => !isNodeKey(key)).length > 1
              ? throwError(() => new KVError('VALUE_TOO_LARGE', 'too large'))
              : answer$
          default:
            return answer$
        }
      })
    }
  }

  /** The state: the history and the timers of each key. */
  get state(): [key: string, history: History, timers: Map<string, number>][] {
    return [...this.memory.entries]
      .map(([key, { value }]): [string, History, Map<string, number>] => [
        key,
        json<History>().decode(withoutHeader(value)),
        new Map(headerOf(value)?.timers),
      ])
      .sort(([a], [b]) => (a < b ? -1 : 1))
  }

  /** Another writes what is there once more. */
  #touch(writes: readonly Write[]): void {
    const key = writes.find(write => write.type === 'put' && !isNodeKey(write.key))?.key
    const stored = key === undefined ? undefined : this.memory.entries.get(key)
    if (stored === undefined) return
    new MemoryEngine(this.memory).write([{ type: 'put', key: key!, value: stored.value }]).subscribe()
  }
}

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
  troubles: ReadonlyMap<number, Trouble>,
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
        partition: { fence },
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

const troublesWith = (...kinds: Trouble[]): fc.Arbitrary<ReadonlyMap<number, Trouble>> =>
  fc.array(fc.tuple(fc.nat(14), fc.constantFrom(...kinds)), { maxLength: 6 }).map(all => new Map(all))

const expectState = (place: Place, { state }: Model): void =>
  expect(place.state).toEqual(
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
        for (const troubles of [...lives, new Map<number, Trouble>()]) {
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
