import fc from 'fast-check'
import { timer } from 'rxjs'
import { type JobDefinition, job, json, Memory, processKV } from 'rxkeeper'
import { memoryInput } from 'rxkeeper/testing'
import { expect, test } from 'vitest'
import { headerOf, withoutHeader } from '../../src/store/header.ts'
import { hookedStore } from '../operators/engines.ts'
import { type Event, events, type History, Model, onTimer, transform } from '../operators/timers/model.ts'
import { anyEnd, type End, Ending } from './ending.ts'

/*
 * A job whose keys have timers is killed at random, again and again: what comes out of records and timers is what would have
 * without, each at least once, and the state is as if nothing had happened.
 */

interface TimersEnd extends End {
  readonly commitSize: number
  readonly slow: boolean
}

const ends = fc.array(
  fc.record<TimersEnd>({
    ...anyEnd(14),
    commitSize: fc.integer({ min: 1, max: 8 }),
    slow: fc.boolean(),
  }),
  { maxLength: 6 },
)

type Place = Pick<JobDefinition<Event, History, History | undefined, string, unknown>, 'input' | 'position'>

const partitioned = (all: readonly Event[]): Place => ({ input: memoryInput({ p: all }) })
const positioned = (all: readonly Event[]): Place => ({
  input: ({ position }) => all.slice((position as number | undefined) ?? 0),
  position: { key: 'position', of: ({ position }) => position },
})

async function run(
  place: Place,
  memory: Memory,
  { what, at, commitSize, slow }: TimersEnd,
  taken: string[],
): Promise<void> {
  const ending = new Ending({ what, at })
  const store = hookedStore({ value: json<History>(), memory }, ...ending.hooks)
  const take = (output: string): unknown => {
    ending.beforeOutput('full')
    taken.push(output)
    return slow ? timer(0) : undefined
  }
  const running = job<Event, History, string>({
    name: 'timers',
    value: json<History>(),
    store,
    ...place,
    pipeline: ({ commit, store }) =>
      processKV(
        store,
        ({ record }) => record.key,
        ({ record }, history, timers) => transform(record, history, timers),
        {
          ...commit,
          commitSize,
          project: ({ record: { key, position } }, history) => `${key} ${position}: ${history}`,
          timers: {
            timeOf: ({ record }) => record.at,
            onTimer,
            project: ({ key, name, at }, history) => `${key} ${name}@${at}: ${history}`,
          },
        },
      ),
    output: take,
    deadLetter: ({ record }) => take(`${record.key} bad ${record.position}`),
  }).run({ signals: [] })
  ending.running = running
  await Promise.resolve(running).catch(error => {
    expect(what).toBe('output throws')
    expect(error.message).toContain('full')
  })
  await store.close()
}

/** What a timer has come to is not taken, and no record is left to come. */
const notTaken: [Event[], TimersEnd[]] = [
  [1, 2].map(position => ({ key: 'a', act: { type: 'set', name: '', in: 0 }, at: 100, position })),
  [{ what: 'output throws', at: 3, commitSize: 1, slow: false }],
]

test.each<[string, (all: readonly Event[]) => Place]>([
  ['of a partition', partitioned],
  ['of a job with a position', positioned],
])(
  '%s, what comes of records and timers comes out at least once, and nothing else',
  async (_, placeOf) => {
    await fc.assert(
      fc.asyncProperty(events, ends, async (all, ends) => {
        const memory = new Memory()
        const place = placeOf(all)
        const taken: string[] = []
        const last: TimersEnd = { what: 'stop', at: Number.POSITIVE_INFINITY, commitSize: 3, slow: false }
        for (const end of [...ends, last]) await run(place, memory, end, taken)
        const model = new Model(all, 0)
        expect(new Set(taken)).toEqual(new Set(model.outputs))
        const state = [...memory.entries].map(([key, { value }]) => [
          key,
          json<History>().decode(withoutHeader(value)),
          new Map(headerOf(value)?.timers),
        ])
        expect(new Map(state.map(([key, ...rest]) => [key, rest]))).toEqual(
          new Map([...model.state].map(([key, { history, timers }]) => [key, [history, timers]])),
        )
      }),
      { numRuns: 150, timeout: 30_000, examples: [notTaken] },
    )
  },
  120_000,
)
