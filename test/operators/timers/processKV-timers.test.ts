import { concatWith, firstValueFrom, from, lastValueFrom, NEVER, of, Subject, toArray } from 'rxjs'
import { FiredTimer, json, type KVStore, Memory, memoryStore, processKV } from 'rxkeeper'
import { describe, expect, test, vi } from 'vitest'
import { virtually } from '../cases.ts'

const eventually = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 20_000, interval: 5 })

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

describe('by the clock', () => {
  /** Each word is said again 50 ms after it was said last, and then forgotten. */
  const echoes = (store: KVStore<number>) =>
    processKV(
      store,
      (word: string) => word,
      (_, count = 0, timers) => {
        timers.set(timers.now + 50)
        return count + 1
      },
      {
        timers: {
          name: 'echoes',
          onTimer: () => undefined,
          project: ({ key, at }, _, count) => [key, at, count],
        },
      },
    )

  test('a timer fires at its time; one that is set again moves', () => {
    virtually(scheduler => {
      const store = memoryStore({ value: json<number>(), scheduler })
      const words$ = scheduler.createHotObservable<string>('a---b----a------------------------------------')
      const out: unknown[] = []
      words$.pipe(echoes(store)).subscribe(each => out.push([scheduler.now(), ...each]))
      scheduler.flush()
      expect(out).toEqual([
        [0, 'a', 1],
        [4, 'b', 1],
        [9, 'a', 2],
        [54, 'b', 54, 1],
        [59, 'a', 59, 2],
      ])
    })
  })

  test('what was due while nobody ran fires at once, and once', () => {
    virtually(scheduler => {
      const memory = new Memory()
      const store = () => memoryStore({ value: json<number>(), memory, scheduler })
      const out: unknown[] = []
      const first = from(['a', 'b', 'c']).pipe(concatWith(NEVER), echoes(store())).subscribe()
      scheduler.schedule(() => first.unsubscribe(), 20)
      for (const at of [200, 300])
        scheduler.schedule(() => {
          const next = NEVER.pipe(echoes(store())).subscribe(each => out.push([scheduler.now(), ...each]))
          scheduler.schedule(() => next.unsubscribe(), 50)
        }, at)
      scheduler.flush()
      expect(out.sort()).toEqual([
        [200, 'a', 50, 1],
        [200, 'b', 50, 1],
        [200, 'c', 50, 1],
      ])
    })
  })

  test('of two who have a name, the later one has it', async () => {
    const memory = new Memory()
    const store = () => memoryStore({ value: json<number>(), memory })
    const words = new Subject<string>()
    const first = lastValueFrom(words.pipe(echoes(store())))
    words.next('a')
    await eventually(() => expect(memory.entries.has('a')).toBe(true))
    const out: unknown[] = []
    const second = NEVER.pipe(echoes(store())).subscribe(each => out.push(each[0]))
    await expect(first).rejects.toMatchObject({ code: 'FENCED' })
    await eventually(() => expect(out).toEqual(['a']))
    second.unsubscribe()
  })

  test('more than are held in memory are fired, too', async () => {
    const memory = new Memory()
    const store = () => memoryStore({ value: json<number>(), memory })
    const count = 70_000
    const words = Array.from({ length: count }, (_, n) => `${n}`)
    const later = (at: number) =>
      processKV(
        store(),
        (word: string) => word,
        (_, n = 0, timers) => {
          timers.set(200_000 - Number(_))
          return n + 1
        },
        { timers: { name: 'many', timeOf: () => at, onTimer: () => undefined }, commitSize: 2048 },
      )
    await lastValueFrom(from(words).pipe(later(0)))
    const fired = await lastValueFrom(of(`${count}`).pipe(later(300_000), toArray()))
    expect(fired).toHaveLength(count + 2)
    expect([...memory.entries.keys()]).toEqual([])
  })
})

describe('expireAfter', () => {
  test('the owner deletes what expires, and not what was written again', () => {
    virtually(scheduler => {
      const memory = new Memory()
      const store = memoryStore({ value: json<number>(), memory, scheduler })
      const words$ = scheduler.createHotObservable<string>('a---b----a------------------------------------')
      const seen: unknown[] = []
      store.changes$().subscribe(change => seen.push([scheduler.now(), change]))
      words$
        .pipe(
          processKV(
            store,
            word => word,
            (_, count = 0) => count + 1,
            {
              expireAfter: 40,
              timers: { name: 'words', onTimer: () => undefined },
            },
          ),
        )
        .subscribe()
      scheduler.flush()
      expect([...memory.entries.keys()]).toEqual([])
      expect(seen).toEqual([
        [0, { type: 'synced' }],
        [0, { type: 'put', key: 'a', value: 1, version: 0 }],
        [4, { type: 'put', key: 'b', value: 1, version: 0 }],
        [9, { type: 'put', key: 'a', value: 2, version: 1 }],
        [44, { type: 'delete', key: 'b' }],
        [49, { type: 'delete', key: 'a' }],
      ])
    })
  })

  test('a key that has expired begins anew', () => {
    virtually(scheduler => {
      const store = memoryStore({ value: json<number>(), scheduler })
      const words$ = scheduler.createHotObservable<string>('a---a----------a')
      const out: unknown[] = []
      words$
        .pipe(
          processKV(
            store,
            word => word,
            (_, count = 0) => count + 1,
            { expireAfter: 10 },
          ),
        )
        .subscribe(([, count]) => out.push(count))
      scheduler.flush()
      expect(out).toEqual([1, 2, 1])
    })
  })
})

test('a timer that fails is taken out, and leaves its key as it was', async () => {
  const letters: unknown[] = []
  const memory = new Memory()
  const store = memoryStore({ value: json<number>(), memory })
  const clicks: Click[] = [
    { user: 'ann', at: 0 },
    { user: 'bob', at: 90 },
  ]
  await lastValueFrom(
    from(clicks).pipe(
      processKV(
        store,
        click => click.user,
        (click, count = 0, timers) => {
          timers.set(click.at + 30)
          return count + 1
        },
        {
          deadLetter: ({ record, error }) => letters.push([record, error.code, error.message]),
          timers: {
            name: 'failing',
            timeOf: click => click.at,
            onTimer: () => {
              throw new Error('bad')
            },
          },
        },
      ),
    ),
  )
  expect(letters).toEqual([[new FiredTimer('ann', '', 30), 'CALLBACK', '`onTimer` threw: bad']])
  expect(await firstValueFrom(store.get$('ann'))).toBe(1)
})

test('bad options are refused at once', () => {
  const store = memoryStore({ value: json<number>() })
  const with_ = (options: object) => () =>
    processKV(
      store,
      (word: string) => word,
      () => 1,
      options as { timers: { onTimer: () => number } },
    )
  const onTimer = () => 1
  for (const options of [
    { timers: { onTimer } },
    { timers: { onTimer, name: '' } },
    { timers: { onTimer, name: 'n', lateness: -1 } },
    { timers: { onTimer, name: 'n', timeOf: () => 0 }, expireAfter: 5 },
    { expireAfter: 0 },
  ]) {
    expect(with_(options)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  }
})
