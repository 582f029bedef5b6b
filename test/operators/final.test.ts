import { from, lastValueFrom, map, of, Subject, toArray } from 'rxjs'
import { describe, expect, test } from 'vitest'
import {
  type FiredTimer,
  type JoinBuffers,
  joinKV,
  json,
  Memory,
  memoryStore,
  type Sessions,
  sessionKV,
  type Window,
  windowKV,
} from '../../src/index.ts'
import { failureOf, virtually } from './cases.ts'

interface Click {
  readonly user: string
  readonly at: number
}

const userOf = ({ user }: Click): string => user
const timeOf = ({ at }: Click): number => at
const count = (_: unknown, before = 0): number => before + 1
const ann = (...times: number[]): Click[] => times.map(at => ({ user: 'ann', at }))
const final = { timeOf, emit: 'final', name: 'final' } as const

const windows = (memory = new Memory()) => memoryStore({ value: json<Window<number>>(), memory })
const sessions = (memory = new Memory()) => memoryStore({ value: json<Sessions<number>>(), memory })
const buffers = () => memoryStore({ value: json<JoinBuffers<Click, Click>>() })
const side = { keyOf: userOf, timeOf }

describe('windowKV with final results', () => {
  const spans = (clicks: Click[], options: { size: number; every?: number; lateness?: number }) =>
    lastValueFrom(
      from(clicks).pipe(
        windowKV(windows(), userOf, count, { ...final, ...options }),
        map(({ start, end, value }) => `${start}-${end}: ${value}`),
        toArray(),
      ),
    )

  test('windows that overlap', async () => {
    expect(await spans(ann(0, 12, 25, 41), { size: 20, every: 10 })).toEqual([
      '-10-10: 1',
      '0-20: 2',
      '10-30: 2',
      '20-40: 1',
    ])
  })

  test('what is not final stays for the next run, which is told of it', async () => {
    const memory = new Memory()
    const run = (...clicks: Click[]) =>
      lastValueFrom(
        from(clicks).pipe(windowKV(windows(memory), userOf, count, { ...final, size: 10 }), toArray()),
      )
    expect(await run(...ann(1, 2))).toEqual([])
    expect(await run({ user: 'bob', at: 30 })).toEqual([
      { key: 'ann', start: 0, end: 10, value: 2, final: true },
    ])
    expect(
      (await failureOf(from(ann(5)).pipe(windowKV(windows(memory), userOf, count, { ...final, size: 10 }))))
        .error,
    ).toMatchObject({
      code: 'LATE',
      message: expect.stringContaining('1970-01-01T00:00:00.005Z'),
    })
  })

  test('a failing record is taken out by itself', async () => {
    const letters: unknown[] = []
    const options = {
      ...final,
      size: 10,
      deadLetter: ({ record, error }: { record: Click | FiredTimer; error: Error & { code?: string } }) =>
        letters.push([record, error.code]),
    }
    const clicks = [...ann(1), { user: '', at: 2 }, { user: 'ann', at: Number.NaN }, ...ann(3, 40)]
    const out = await lastValueFrom(from(clicks).pipe(windowKV(windows(), userOf, count, options), toArray()))
    expect(out.map(({ value }) => value)).toEqual([2])
    expect(letters).toEqual([
      [clicks[1], 'INVALID_KEY'],
      [clicks[2], 'CALLBACK'],
    ])
  })

  test.each([
    ['emit', { emit: 'first' as 'final', size: 10 }],
    ['lateness', { size: 10, lateness: -1 }],
    ['idleAfter', { size: 10, idleAfter: 0 }],
    ['keep', { size: 10, keep: 2, lateness: 11 }],
    ['name', { size: 10, name: '' }],
  ])('refuses a wrong `%s`', (name, options) => {
    expect(() => of(...ann(1)).pipe(windowKV(windows(), userOf, count, { ...final, ...options }))).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(name) }),
    )
  })
})

describe('sessionKV with final results', () => {
  test('is closed by the clock, in one process after the other', () => {
    virtually(scheduler => {
      const memory = new Memory()
      const clicks$ = new Subject<Click>()
      const store = () => memoryStore({ value: json<Sessions<number>>(), memory, scheduler })
      const out: string[] = []
      const run = () =>
        clicks$
          .pipe(sessionKV(store(), userOf, count, { ...final, gap: 30, idleAfter: 5 }))
          .subscribe(({ key, start, end, value }) =>
            out.push(`${scheduler.now()} ${key} ${start}-${end} ${value}`),
          )
      const first = run()
      scheduler.schedule(() => clicks$.next({ user: 'ann', at: 1000 }), 1)
      scheduler.schedule(() => first.unsubscribe(), 20)
      // The clock begins anew: what had passed before is not known.
      scheduler.schedule(() => run(), 50)
      scheduler.flush()
      expect(out).toEqual(['81 ann 1000-1000 1'])
    })
  })

  test('needs `merge` with a `grace`', () => {
    expect(() => sessionKV(sessions(), userOf, count, { ...final, gap: 5, grace: 1 })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('merge') }),
    )
  })
})

describe('joinKV', () => {
  test.each([
    ['before', { before: -1 }],
    ['after', { after: 0.5 }],
    ['lateness', { lateness: Number.NaN }],
    ['type', { type: 'right' as 'left' }],
    ['name', { name: undefined }],
  ])('refuses a wrong `%s`', (name, options) => {
    expect(() => joinKV(buffers(), { left: side, right: side, name: 'join', ...options })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(name) }),
    )
  })

  test('a `project` that throws takes its record out', async () => {
    const letters: unknown[] = []
    const records = [{ left: ann(1)[0]! }, { right: ann(1)[0]! }, { right: ann(2)[0]! }]
    const joined$ = from(records).pipe(
      joinKV(buffers(), {
        left: side,
        right: side,
        after: 5,
        name: 'join',
        project: (_, right) => {
          if (right.at === 1) throw new Error('boom')
          return right.at
        },
        deadLetter: ({ record, error }) => letters.push([record, error.code]),
      }),
      toArray(),
    )
    expect(await lastValueFrom(joined$)).toEqual([2])
    expect(letters).toEqual([[records[1], 'CALLBACK']])
  })
})
