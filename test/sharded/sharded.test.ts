import fc from 'fast-check'
import { of, VirtualTimeScheduler } from 'rxjs'
import { expect, test } from 'vitest'
import { timingOf } from '../../src/base/timing.ts'
import type { Scan, WatchSignal } from '../../src/contract/engine.ts'
import { compareKeys, sortKeys } from '../../src/contract/keys.ts'
import { MemoryEngine } from '../../src/engines/memory/engine.ts'
import { ShardedEngine } from '../../src/engines/sharded/engine.ts'
import { mergeScans } from '../../src/engines/sharded/merge.ts'
import { Placement } from '../../src/engines/sharded/placement.ts'
import { json, type Memory, memoryStore } from '../../src/index.ts'
import { arbitraries } from '../../src/testing/arbitraries.ts'
import { all, fails, one } from '../../src/testing/contract/assertions.ts'
import { FaultyEngine } from '../../src/testing/faulty-engine.ts'
import { performOperation } from '../../src/testing/operations.ts'
import type { StoreFault } from '../../src/testing/store-faults.ts'
import { enginesOf, keysOf, memoriesOf, storeOver } from './memories.ts'

/** Engines on virtual time, each with its faults. */
function faultyEngines(faults: readonly (readonly StoreFault[])[], memories = memoriesOf(faults.length)) {
  const scheduler = new VirtualTimeScheduler()
  scheduler.maxFrames = Number.POSITIVE_INFINITY
  const engines = faults.map(
    (each, i) =>
      new FaultyEngine(new MemoryEngine(memories[i]!), {
        faults: each,
        latency: 1,
        timing: timingOf(scheduler),
        otherWrite: () => {},
      }),
  )
  return { scheduler, engines, memories }
}

const outage = (at: number, lasts: number): StoreFault => ({
  type: 'suspended',
  at,
  lasts,
  unanswered: 'dropped',
})

test('a transaction over several shards is refused before anything is sent, and names some of its keys', async () => {
  await using store = storeOver(enginesOf(memoriesOf(2)))
  const [first, second] = keysOf(2, 5) as [string[], string[]]
  const error = await fails(store.putAll$([...first, ...second].map(key => [key, 1])), 'UNSUPPORTED')
  expect(error.message).toContain(
    `"${first[0]}", "${first[1]}" in shard 0, "${second[0]}", "${second[1]}" in shard 1`,
  )
  await fails(
    store.transact$([
      { type: 'check', key: first[0]!, ifVersion: 'absent' },
      { type: 'put', key: second[0]!, value: 1 },
    ]),
    'UNSUPPORTED',
  )
  expect(await all(store.keys$())).toEqual([])
  expect(await one(store.putAll$(first.map(key => [key, 1])))).toHaveLength(5)
  expect(
    await one(
      store.putAll$([
        ['{x}a', 1],
        ['b{x}', 2],
      ]),
    ),
  ).toHaveLength(2)
})

test('a function of yours keeps keys together; one that fails, fails the operation alone', async () => {
  const shardBy = {
    name: 'country',
    of: (key: string) => {
      if (key === 'bad') throw new RangeError('no')
      return key.slice(0, 2)
    },
  }
  await using store = storeOver(enginesOf(memoriesOf(3)), { shardBy })
  expect(
    await one(
      store.putAll$([
        ['de-1', 1],
        ['de-2', 1],
      ]),
    ),
  ).toHaveLength(2)
  for (const answer$ of [
    store.get$('bad'),
    store.put$('bad', 1),
    store.watch$('bad'),
    store.update$('bad', () => 1),
  ]) {
    expect((await fails(answer$, 'CALLBACK')).key).toBe('bad')
  }
  expect(await one(store.get$('de-1'))).toBe(1)
})

test('a shard that is down holds up its own keys only, which are late in their time; the rest goes on at full rate', () => {
  const countOf = (faults: readonly StoreFault[]): { done: number; errors: string[]; seen: unknown[] } => {
    const { scheduler, engines } = faultyEngines([[], faults])
    const store = storeOver(engines, { scheduler, timeout: 300 })
    const [live, dead] = keysOf(2, 200) as [string[], string[]]
    const errors: string[] = []
    const seen: unknown[] = []
    let done = 0
    const loop = (key: string, until: number): void => {
      if (scheduler.now() >= until) return
      store
        .update$(key, (n = 0) => n + 1)
        .subscribe({
          next: () => {
            done++
            loop(key, until)
          },
        })
    }
    // A new store needs all its shards once.
    for (const key of [live[0]!, dead[0]!]) store.put$(key, 0).subscribe()
    // Enough for the dead shard to fill whatever there is to fill, by single writes and reads.
    const burden = (): void => {
      for (const key of dead) {
        store
          .put$(key, 0)
          .subscribe({ error: ({ code }) => errors.push(`put ${code} at ${scheduler.now()}`) })
        store.get$(key).subscribe({ error: ({ code }) => errors.push(`get ${code} at ${scheduler.now()}`) })
      }
    }
    scheduler.schedule(() => {
      store.watch$(live[0]!).subscribe(value => seen.push(value))
    })
    scheduler.schedule(burden, 110)
    scheduler.schedule(() => live.forEach(key => void loop(key, 400)), 120)
    scheduler.schedule(() => void store.close(), 2000)
    scheduler.flush()
    return { done, errors, seen }
  }
  const without = countOf([])
  const during = countOf([outage(100, 1000)])
  expect(without.errors).toEqual([])
  expect(during.done).toBe(without.done)
  expect(during.done).toBeGreaterThan(10_000)
  // Also its watches are those of all.
  expect(during.seen).toEqual(without.seen)
  expect(during.errors).toHaveLength(400)
  for (const error of during.errors) expect(error).toMatch(/^(put|get) TIMEOUT at 4[12]\d$/)
})

test('what a wrapped engine asks for over several shards fails for the keys of the one that is down', () => {
  const { scheduler, engines } = faultyEngines([[], [outage(10, 1000)]])
  const engine = new ShardedEngine(engines)
  const [[live], [dead]] = keysOf(2, 1) as [[string], [string]]
  const results: unknown[] = []
  const value = Uint8Array.of(1)
  // A new store needs all its shards once.
  engine.commit([{ type: 'put', key: live, value }], { deadline: 10 }).subscribe()
  scheduler.schedule(() => {
    const due = {
      deadline: 500,
      deadlineOf: (i: number) => 100 + i,
      settled: (i: number) => results.push(`late ${i}`),
    }
    engine
      .write(
        [dead, live, `${dead}{${dead}}`].map(key => ({ type: 'put', key, value })),
        due,
      )
      .subscribe(written => results.push(written))
    engine.read([live, dead], { deadline: 300 }).subscribe(found => results.push(found))
  }, 20)
  scheduler.schedule(() => void engine.close(), 2000)
  scheduler.flush()
  const failed = expect.objectContaining({ code: 'TIMEOUT', key: expect.any(String) })
  expect(results).toEqual([
    'late 0',
    [failed, { existed: true, version: 1, revision: expect.any(Number) }, failed],
    [expect.objectContaining({ version: 1 }), failed],
  ])
})

test('the status is the worst, and says whose it is; closed when all are', () => {
  const { scheduler, engines } = faultyEngines([
    [],
    [outage(10, 10)],
    [{ type: 'lost', at: 15, lasts: 15, unanswered: 'dropped' }],
  ])
  const engine = new ShardedEngine(engines, { names: ['a:1', 'b:1', 'c:1'] })
  const seen: string[] = []
  engine.status$.subscribe({
    next: ({ state, reason }) =>
      seen.push(`${scheduler.now()} ${state} ${/\(..1\)/.exec(reason)?.[0] ?? ''}`.trim()),
    complete: () => seen.push('end'),
  })
  scheduler.schedule(() => void engine.close(), 50)
  scheduler.flush()
  expect(seen.filter((line, i) => line.slice(2) !== seen[i - 1]?.slice(2))).toEqual([
    '0 connected',
    '10 suspended (b:1)',
    '15 lost (c:1)',
    '30 connected',
    '50 closed (a:1)',
    'end',
  ])
  engine.status$.subscribe(({ state }) => expect(state).toBe('closed'))
})

test('the watch is armed while all are', () => {
  const { scheduler, engines } = faultyEngines([[outage(10, 30)], [outage(20, 40)]])
  const engine = new ShardedEngine(engines)
  const seen: string[] = []
  const show = (signal: WatchSignal): string =>
    `${scheduler.now()} ${signal.type === 'changed' ? signal.keys.join() : signal.type}`
  engine.watch().subscribe(signal => seen.push(show(signal)))
  scheduler.flush()
  expect(seen).toEqual(['0 armed', '10 disarmed', '60 armed'])
})

/** What another client writes. */
function writeInto(memory: Memory, key: string, value: number): void {
  new MemoryEngine(memory).write([{ type: 'put', key, value: Buffer.from(`${value}`) }]).subscribe()
}

test('changes is synced once all are, and again when all are again; the others go on meanwhile', () => {
  const { scheduler, engines, memories } = faultyEngines([[outage(100, 100)], [outage(150, 100)]])
  const store = storeOver(engines, { scheduler })
  const [first, second] = keysOf(2, 1).map(([key]) => key) as [string, string]
  store.put$(first, 0).subscribe()
  store.put$(second, 0).subscribe()
  const seen: string[] = []
  scheduler.schedule(() => {
    store.changes$().subscribe(change => {
      const what =
        change.type === 'put' ? `${change.key === first ? 'first' : 'second'}=${change.value}` : change.type
      seen.push(`${scheduler.now()} ${what}`)
    })
  }, 50)
  const write = (at: number, shard: number, value: number) =>
    scheduler.schedule(() => writeInto(memories[shard]!, [first, second][shard]!, value), at)
  write(110, 0, 1) // its shard is away: seen when it is back
  write(120, 1, 1) // its shard is there: seen at once
  write(220, 0, 2)
  write(230, 1, 2)
  scheduler.schedule(() => void store.close(), 1000)
  scheduler.flush()
  expect(seen).toEqual([
    '51 first=0',
    '51 second=0',
    '52 synced',
    '121 second=1',
    '201 first=1',
    '221 first=2',
    '251 second=2',
    '252 synced',
  ])
})

test('an entry of a shard whose watch is gone is not read from memory, those of others are', () => {
  const { scheduler, engines, memories } = faultyEngines([[], [outage(100, 50)]])
  const store = storeOver(engines, { scheduler, cache: 100, timeout: 1000 })
  const [[live], [other]] = keysOf(2, 1) as [[string], [string]]
  const seen: string[] = []
  const read = (key: string) =>
    store.get$(key).subscribe(value => seen.push(`${scheduler.now()} ${key}=${value}`))
  scheduler.schedule(() => {
    store.put$(live, 1).subscribe()
    store.put$(other, 1).subscribe()
  })
  const readBoth = () => [live, other].forEach(read)
  scheduler.schedule(readBoth, 50)
  scheduler.schedule(readBoth, 60)
  scheduler.schedule(() => {
    // What another writes in the outage.
    writeInto(memories[1]!, other, 2)
    readBoth()
  }, 120)
  scheduler.schedule(() => void store.close(), 300)
  scheduler.flush()
  expect(seen).toEqual([
    `51 ${live}=1`,
    `51 ${other}=1`,
    `60 ${live}=1`,
    `60 ${other}=1`,
    `120 ${live}=1`,
    `151 ${other}=2`,
  ])
})

test('scans are merged in key order, either way, with a page of each at most', async () => {
  const { key } = arbitraries(fc)
  const pages = fc.array(fc.array(key(), { minLength: 1, maxLength: 4 }), { maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(pages, { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      async (lists, reverse) => {
        let held = 0
        let most = 0
        const scans = lists.map((list): Scan<string> => {
          const keys = sortKeys(list.flat())
          if (reverse) keys.reverse()
          const sizes = list.map(({ length }) => length)
          return {
            next: () => {
              const page = keys.splice(0, sizes.shift() ?? 0)
              held += page.length
              most = Math.max(most, held)
              return of(page)
            },
            close: () => {},
          }
        })
        const scan = mergeScans(scans, item => item, { reverse })
        const merged: string[] = []
        for (;;) {
          const page = await one(scan.next({ deadline: 0 }))
          if (page.length === 0) break
          held -= page.length
          merged.push(...page)
        }
        const expected = lists.flat(2).sort(compareKeys)
        expect(merged).toEqual(reverse ? expected.reverse() : expected)
        expect(most).toBeLessThanOrEqual(lists.length * 4)
      },
    ),
  )
})

test('the same operations on a sharded and a plain store come to the same', async () => {
  const { operations } = arbitraries(fc)
  await fc.assert(
    fc.asyncProperty(operations(fc.nat(9)), fc.integer({ min: 1, max: 4 }), async (chosen, shards) => {
      const placement = new Placement(shards)
      await using plain = memoryStore({ value: json<number>() })
      await using sharded = storeOver(enginesOf(memoriesOf(shards)))
      for (const operation of chosen) {
        const keys =
          operation.type === 'putAll'
            ? operation.entries.map(([key]) => key)
            : operation.type === 'transact'
              ? operation.writes.map(write => write.key)
              : operation.type === 'deleteAll'
                ? operation.keys
                : []
        const outcome = await performOperation(sharded, operation)
        if (new Set(keys.map(key => placement.indexOf(key))).size > 1) {
          expect(outcome).toEqual({ error: 'UNSUPPORTED' })
        } else expect(outcome).toEqual(await performOperation(plain, operation))
      }
      expect(await all(sharded.entries$())).toEqual(await all(plain.entries$()))
    }),
  )
})
