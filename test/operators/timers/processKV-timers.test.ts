import { from, lastValueFrom, toArray } from 'rxjs'
import { FiredTimer, json, Memory, memoryStore, processKV } from 'rxkeeper'
import { expect, test } from 'vitest'

interface Click {
  readonly user: string
  readonly at: number
}

const show = ([cause, value]: readonly [Click | FiredTimer, number | undefined]): string =>
  cause instanceof FiredTimer
    ? `${cause.key} timer ${cause.at}: ${value}`
    : `${cause.user} at ${cause.at}: ${value}`

/** A user is gone 30 after the last click: the count begins anew. */
const visits = (memory: Memory) =>
  processKV(
    memoryStore({ value: json<number>(), memory }),
    (click: Click) => click.user,
    (click, count = 0, timers) => {
      timers.set(click.at + 30)
      return count + 1
    },
    { timers: { name: 'visits', timeOf: click => click.at, onTimer: () => undefined } },
  )

test('a timer fires when time has come, before the next record of its key', async () => {
  const clicks: Click[] = [
    { user: 'ann', at: 0 },
    { user: 'ann', at: 20 },
    { user: 'bob', at: 90 },
    { user: 'ann', at: 95 },
    { user: 'ann', at: 200 },
  ]
  const memory = new Memory()
  const out = await lastValueFrom(from(clicks).pipe(visits(memory), toArray()))
  expect(out.map(show)).toEqual([
    'ann at 0: 1',
    'ann at 20: 2',
    'bob at 90: 1',
    'ann timer 50: undefined',
    'ann at 95: 1',
    'ann timer 125: undefined',
    'ann at 200: 1',
    'bob timer 120: undefined',
  ])
})

test('timers that are not due when the records end are fired by the next run', async () => {
  const memory = new Memory()
  const run = (...clicks: Click[]) => lastValueFrom(from(clicks).pipe(visits(memory), toArray()))
  expect((await run({ user: 'ann', at: 0 }, { user: 'bob', at: 10 })).map(show)).toEqual([
    'ann at 0: 1',
    'bob at 10: 1',
  ])
  expect((await run({ user: 'cid', at: 30 })).map(show)).toEqual(['cid at 30: 1', 'ann timer 30: undefined'])
  // Time has not gone back: this one is late, and so is its timer.
  expect((await run({ user: 'ann', at: 5 }, { user: 'cid', at: 35 })).map(show)).toEqual([
    'ann at 5: 1',
    'cid at 35: 2',
    'ann timer 35: undefined',
  ])
})
