import fc from 'fast-check'
import { lastValueFrom, type Observable, toArray, VirtualTimeScheduler } from 'rxjs'
import { json, type KVError, type KVStore, Memory, MemoryEngine, memoryStore } from 'rxkeeper'
import { arbitraries, type FaultyStoreOptions, faultyStore, type StoreFault } from 'rxkeeper/testing'
import { describe, expect, test } from 'vitest'
import { timingOf } from '../../src/base/timing.ts'
import { FaultyEngine } from '../../src/testing/faulty-engine.ts'

type Options = Partial<FaultyStoreOptions<number>>

/** A store of numbers on virtual time, and a log of what happened when. */
class Bench {
  readonly scheduler: VirtualTimeScheduler = new VirtualTimeScheduler()
  readonly memory: Memory = new Memory()
  readonly store: KVStore<number>
  readonly log: string[] = []

  constructor(faults: readonly StoreFault[], options: Options = {}) {
    const { memory, scheduler } = this
    this.store = faultyStore({ value: json<number>(), memory, scheduler, faults, ...options })
  }

  /** Subscribes `at` a moment, and logs what comes. */
  at<R>(at: number, name: string, result$: Observable<R>): this {
    const say = (what: unknown): void => {
      this.log.push(
        `${this.scheduler.now()} ${name} ${typeof what === 'string' ? what : JSON.stringify(what)}`,
      )
    }
    this.scheduler.schedule(
      () => result$.subscribe({ next: say, error: ({ code }: KVError) => say(code) }),
      at,
    )
    return this
  }

  put(at: number, key: string, value: number, ifVersion?: number | 'absent'): this {
    return this.at(at, `put ${key}`, this.store.put$(key, value, { ifVersion }))
  }

  /** All that happened, and what is stored at the end. */
  async end(): Promise<{ log: string[]; stored: string[] }> {
    this.scheduler.flush()
    const other = memoryStore({ value: json<number>(), memory: this.memory })
    const entries = await lastValueFrom(other.entries$().pipe(toArray()))
    return { log: this.log, stored: entries.map(({ key, value, version }) => `${key}=${value}@${version}`) }
  }
}

const written = (key: string, value: number, version: number): string =>
  JSON.stringify({ key, value, version })

const suspended = (unanswered: 'done' | 'dropped'): StoreFault[] => [
  { type: 'suspended', at: 3, lasts: 10, unanswered },
]
const lost = (unanswered: 'done' | 'dropped'): StoreFault[] => [
  { type: 'lost', at: 3, lasts: 10, unanswered },
]

describe('without faults', () => {
  test('answers take the latency', async () => {
    const bench = new Bench([], { latency: 4 }).put(0, 'a', 1)
    expect((await bench.end()).log).toEqual([`4 put a ${written('a', 1, 0)}`])
  })

  test('a latency of 0 answers at once', async () => {
    const bench = new Bench([], { latency: 0 }).put(7, 'a', 1)
    expect((await bench.end()).log).toEqual([`7 put a ${written('a', 1, 0)}`])
  })
})

describe('suspended', () => {
  test('status$ says so, from the beginning to the end', async () => {
    const bench = new Bench(suspended('done'))
    bench.store.status$.subscribe(({ state }) => bench.log.push(`${bench.scheduler.now()} ${state}`))
    expect((await bench.end()).log).toEqual(['0 connected', '3 suspended', '13 connected'])
  })

  test('what is asked for meanwhile waits for the connection', async () => {
    const bench = new Bench(suspended('done')).put(5, 'a', 1, 'absent')
    bench.at(6, 'get a', bench.store.get$('a')).at(7, 'keys', bench.store.keys$())
    const { log } = await bench.end()
    expect(log.sort()).toEqual([`14 put a ${written('a', 1, 0)}`, '14 keys a', '15 get a 1'].sort())
  })

  test('or for its deadline, and is then certainly not carried out', async () => {
    const bench = new Bench(suspended('done'), { timeout: 5 }).put(4, 'a', 1)
    bench.at(5, 'get a', bench.store.get$('a'))
    expect(await bench.end()).toEqual({ log: ['9 put a TIMEOUT', '10 get a TIMEOUT'], stored: [] })
  })

  test.each([
    ['done', ['a=1@0']],
    ['dropped', []],
  ] as const)('a write on its way that is out of time is INDETERMINATE: %s', async (unanswered, stored) => {
    const bench = new Bench(suspended(unanswered), { timeout: 5, latency: 2 }).put(2, 'a', 1, 'absent')
    expect(await bench.end()).toEqual({ log: ['7 put a INDETERMINATE'], stored })
  })

  test.each(['done', 'dropped'] as const)('of a conditional one is found out: %s', async unanswered => {
    const bench = new Bench(suspended(unanswered)).put(2, 'a', 1, 'absent')
    expect(await bench.end()).toEqual({ log: [`14 put a ${written('a', 1, 0)}`], stored: ['a=1@0'] })
  })

  test.each([
    ['done', 1],
    ['dropped', 0],
  ] as const)('an unconditional put is repeated: %s', async (unanswered, version) => {
    const bench = new Bench(suspended(unanswered)).put(2, 'a', 1)
    expect((await bench.end()).log).toEqual([`14 put a ${written('a', 1, version)}`])
  })

  test('from the beginning: nothing is connected yet', async () => {
    const bench = new Bench([{ type: 'suspended', at: 0, lasts: 3, unanswered: 'done' }]).put(0, 'a', 1)
    bench.store.status$.subscribe(({ state }) => bench.log.push(`${bench.scheduler.now()} ${state}`))
    expect((await bench.end()).log).toEqual(['0 suspended', '3 connected', `4 put a ${written('a', 1, 0)}`])
  })

  test('outages that overlap or touch are one', async () => {
    const bench = new Bench([
      { type: 'suspended', at: 2, lasts: 5, unanswered: 'done' },
      { type: 'lost', at: 4, lasts: 2, unanswered: 'done' },
      { type: 'suspended', at: 7, lasts: 1, unanswered: 'done' },
    ])
    bench.store.status$.subscribe(({ state }) => bench.log.push(`${bench.scheduler.now()} ${state}`))
    expect((await bench.end()).log).toEqual(['0 connected', '2 suspended', '4 lost', '8 connected'])
  })
})

describe('lost', () => {
  test('status$ says so', async () => {
    const bench = new Bench(lost('done'))
    bench.store.status$.subscribe(({ state }) => bench.log.push(`${bench.scheduler.now()} ${state}`))
    expect((await bench.end()).log).toEqual(['0 connected', '3 suspended', '3 lost', '13 connected'])
  })

  test.each([
    ['done', ['a=1@0']],
    ['dropped', []],
  ] as const)('a conditional write on its way is INDETERMINATE: %s', async (unanswered, stored) => {
    const bench = new Bench(lost(unanswered)).put(2, 'a', 1, 'absent')
    expect(await bench.end()).toEqual({ log: ['14 put a INDETERMINATE'], stored })
  })

  test.each([
    ['done', ['a=1@0', 'b=2@0']],
    ['dropped', []],
  ] as const)('so is a transaction, as a whole: %s', async (unanswered, stored) => {
    const bench = new Bench(lost(unanswered))
    bench.at(
      2,
      'both',
      bench.store.transact$([
        { type: 'put', key: 'a', value: 1, ifVersion: 'absent' },
        { type: 'put', key: 'b', value: 2 },
      ]),
    )
    expect(await bench.end()).toEqual({ log: ['14 both INDETERMINATE'], stored })
  })

  test('an unconditional put beside it is repeated, and a delete where it finds something', async () => {
    const bench = new Bench(lost('done')).put(0, 'c', 1).put(2, 'a', 1).put(2, 'b', 1, 'absent')
    bench.at(2, 'delete c', bench.store.delete$('c')).at(2, 'delete d', bench.store.delete$('d'))
    const { log, stored } = await bench.end()
    expect(log).toEqual([
      `1 put c ${written('c', 1, 0)}`,
      `14 put a ${written('a', 1, 1)}`,
      '14 put b INDETERMINATE',
      '14 delete c INDETERMINATE',
      '14 delete d INDETERMINATE',
    ])
    expect(stored).toEqual(['a=1@1', 'b=1@0'])
  })

  test('what was not sent yet is not concerned', async () => {
    const bench = new Bench([...suspended('done'), { type: 'lost', at: 8, lasts: 1, unanswered: 'done' }])
    bench.put(5, 'a', 1, 'absent').put(9, 'b', 1, 'absent')
    expect((await bench.end()).log).toEqual([
      `14 put a ${written('a', 1, 0)}`,
      `14 put b ${written('b', 1, 0)}`,
    ])
  })

  test('an outage in which the session expires only later', async () => {
    const bench = new Bench([...suspended('done'), { type: 'lost', at: 8, lasts: 1, unanswered: 'dropped' }])
    bench.put(2, 'a', 1, 'absent')
    expect(await bench.end()).toEqual({ log: ['14 put a INDETERMINATE'], stored: ['a=1@0'] })
  })
})

describe('slow', () => {
  const slow: StoreFault[] = [{ type: 'slow', at: 3, lasts: 10, by: 6 }]

  test('answers come later, in order', async () => {
    const bench = new Bench(slow).put(2, 'a', 1).put(4, 'b', 1).put(12, 'c', 1).put(14, 'd', 1)
    expect((await bench.end()).log.map(line => line.slice(0, 8))).toEqual([
      '3 put a ',
      '11 put b',
      '19 put c',
      '19 put d',
    ])
  })

  test('a write that is out of time is INDETERMINATE, and carried out later; a read is a TIMEOUT', async () => {
    const bench = new Bench(slow, { timeout: 5 }).put(4, 'a', 1)
    bench.at(4, 'get b', bench.store.get$('b'))
    const { log, stored } = await bench.end()
    // Which of two that end in the same millisecond comes first is not promised.
    expect(log.sort()).toEqual(['9 get b TIMEOUT', '9 put a INDETERMINATE'])
    expect(stored).toEqual(['a=1@0'])
  })
})

describe('another writer', () => {
  test('rewrites what is there', async () => {
    const bench = new Bench([
      { type: 'write', at: 5, key: 'a' },
      { type: 'write', at: 5, key: 'b' },
    ])
    bench.put(0, 'a', 1).put(8, 'a', 2, 0)
    expect(await bench.end()).toEqual({
      log: [`1 put a ${written('a', 1, 0)}`, '9 put a VERSION_CONFLICT'],
      stored: ['a=1@1'],
    })
  })

  test('or what the test says, and deletes', async () => {
    const bench = new Bench(
      [
        { type: 'write', at: 5, key: 'a' },
        { type: 'write', at: 6, key: 'a' },
        { type: 'write', at: 6, key: 'b' },
      ],
      { otherWriter: (current = 0, key) => (key === 'a' ? current + 10 : undefined) },
    )
    bench.put(0, 'b', 1)
    expect((await bench.end()).stored).toEqual(['a=20@1'])
  })
})

describe('whoever watches', () => {
  test.each([suspended('done'), lost('done')])('hears of what happened in an outage: %j', async outage => {
    const bench = new Bench([outage, { type: 'write', at: 6, key: 'a' }] as StoreFault[], {
      otherWriter: () => 9,
    })
    bench.at(1, 'changes', bench.store.changes$()).at(1, 'watch', bench.store.watch$('a'))
    const { log } = await bench.end()
    const synced = '{"type":"synced"}'
    expect(log).toEqual([
      `2 changes ${synced}`,
      '2 watch undefined',
      `14 changes ${JSON.stringify({ type: 'put', key: 'a', value: 9, version: 0 })}`,
      '14 watch 9',
      `15 changes ${synced}`,
    ])
  })
})

test('a watch is told when it may miss something, and nothing of what it misses', () => {
  const scheduler = new VirtualTimeScheduler()
  const memory = new Memory()
  const engine = new FaultyEngine(new MemoryEngine(memory), {
    faults: [...suspended('done'), ...[1, 5, 15].map(at => ({ type: 'write', at, key: `k${at}` }) as const)],
    latency: 1,
    timing: timingOf(scheduler),
    otherWrite: key =>
      new MemoryEngine(memory).write([{ type: 'put', key, value: new Uint8Array() }]).subscribe(),
  })
  const signals: unknown[] = []
  engine.watch().subscribe(signal => signals.push([scheduler.now(), signal]))
  scheduler.flush()
  expect(signals).toEqual([
    [0, { type: 'armed' }],
    [1, { type: 'changed', keys: ['k1'] }],
    [3, { type: 'disarmed' }],
    [13, { type: 'armed' }],
    [15, { type: 'changed', keys: ['k15'] }],
  ])
})

describe('close', () => {
  test('in an outage rejects what waits, and says what may have been done', async () => {
    const bench = new Bench(suspended('dropped')).put(2, 'a', 1, 'absent').put(5, 'b', 1)
    bench.scheduler.schedule(() => void bench.store.close(), 6)
    expect((await bench.end()).log).toEqual(['6 put a INDETERMINATE', '6 put b CLOSED'])
    bench.at(0, 'get', bench.store.get$('a'))
    expect((await bench.end()).log.at(-1)).toMatch('get CLOSED')
  })

  test('does not wait for the end of an outage', async () => {
    const bench = new Bench([
      { type: 'slow', at: 0, lasts: 10, by: 20 },
      { type: 'suspended', at: 8, lasts: 10, unanswered: 'done' },
    ])
    bench.put(1, 'a', 1, 'absent').scheduler.schedule(() => void bench.store.close(), 5)
    expect(await bench.end()).toEqual({ log: ['8 put a INDETERMINATE'], stored: ['a=1@0'] })
  })

  test('waits for what is on its way', async () => {
    const bench = new Bench([{ type: 'slow', at: 0, lasts: 10, by: 20 }]).put(1, 'a', 1)
    let closed = false
    bench.scheduler.schedule(
      () =>
        void bench.store.close().then(() => {
          closed = true
        }),
      5,
    )
    expect((await bench.end()).log).toEqual([`22 put a ${written('a', 1, 0)}`])
    await bench.store.close()
    expect(closed).toBe(true)
  })
})

test.each([
  [{ type: 'fire', at: 0 }, /faults\[1\]\.type.*'slow'.*fire/],
  [{ type: 'write', at: -1, key: 'a' }, /faults\[1\]\.at.* 0 .*-1/],
  [{ type: 'slow', at: 0, lasts: 0, by: 1 }, /faults\[1\]\.lasts.* 1 .*0/],
  [{ type: 'slow', at: 0, lasts: 1, by: 0.5 }, /faults\[1\]\.by.*0\.5/],
  [{ type: 'lost', at: 0, lasts: 1 }, /faults\[1\]\.unanswered.*'done'.*undefined/],
])('%j is no fault', (fault, message) => {
  const faults = [{ type: 'write', at: 0, key: 'a' }, fault] as StoreFault[]
  expect(() => new Bench(faults)).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) }),
  )
})

test('whatever the faults, all settles in time, increments are counted, and watches end on the content', async () => {
  const increments = fc.array(fc.record({ at: fc.nat(60), key: fc.constantFrom('a', 'b') }), {
    maxLength: 15,
  })
  const timeout = 15
  await fc.assert(
    fc.asyncProperty(
      increments,
      arbitraries(fc).faults({ keys: ['a', 'b'] }),
      fc.constantFrom(0, 10),
      async (increments, faults, cache) => {
        const scheduler = new VirtualTimeScheduler()
        const memory = new Memory()
        const otherWriter = (count = 0) => count + 1000
        const store = faultyStore({
          value: json<number>(),
          memory,
          scheduler,
          faults,
          timeout,
          cache,
          otherWriter,
        })
        const watched: (number | undefined)[] = []
        const followed = new Map<string, number>()
        let done = 0
        let indeterminate = 0
        let settled = 0
        store.watch$('a').subscribe({ next: value => watched.push(value), error: () => {} })
        store.changes$().subscribe(change => {
          if (change.type === 'put') followed.set(change.key, change.value)
        })
        for (const { at, key } of increments) {
          scheduler.schedule(() => {
            store
              .update$(key, (count = 0) => count + 1)
              .subscribe({
                next: () => {
                  done++
                  settled++
                },
                error: ({ code }: KVError) => {
                  settled++
                  if (code === 'INDETERMINATE') indeterminate++
                  else expect(code).toBe('TIMEOUT')
                  expect(scheduler.now()).toBeLessThanOrEqual(at + timeout + 20)
                },
              })
          }, at)
        }
        scheduler.flush()
        expect(settled).toBe(increments.length)
        const content = new Map(
          [...memory.entries].map(([key, { value }]) => [key, json<number>().decode(value)]),
        )
        const total = [...content.values()].reduce((sum, count) => sum + (count % 1000), 0)
        expect(total).toBeGreaterThanOrEqual(done)
        expect(total).toBeLessThanOrEqual(done + indeterminate)
        const others = [...content.values()].reduce((sum, count) => sum + Math.floor(count / 1000), 0)
        expect(others).toBe(faults.filter(({ type }) => type === 'write').length)
        expect(followed).toEqual(content)
        expect(watched.at(-1)).toBe(content.get('a'))
      },
    ),
    { numRuns: 500 },
  )
})
