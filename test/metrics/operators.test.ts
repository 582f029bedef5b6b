import { from, lastValueFrom, map, pipe, toArray } from 'rxjs'
import { expect, it } from 'vitest'
import { json } from '../../src/codecs.ts'
import { memoryStore } from '../../src/engines/memory/store.ts'
import { measure } from '../../src/metrics/measure.ts'
import { createMeter } from '../../src/metrics/meter.ts'
import type { Snapshot } from '../../src/metrics/snapshot.ts'
import { lookupKV } from '../../src/operators/lookupKV.ts'
import { perKey } from '../../src/operators/perKey.ts'
import { processKV } from '../../src/operators/processKV.ts'
import { pull$ } from '../../src/operators/pull.ts'
import { upsertKV } from '../../src/operators/upsertKV.ts'

const words = Array.from({ length: 10_000 }, (_, i) => `word${i % 100}`)
const count = (_: string, before = 0): number => before + 1

it('measures processKV', async () => {
  await using store = memoryStore({ value: json<number>() })
  const snapshots: Snapshot[] = []
  const outputs = await lastValueFrom(
    from(words).pipe(
      measure(
        processKV(store, word => word, count),
        { store, bytesOf: Buffer.byteLength, next: snapshot => snapshots.push(snapshot) },
      ),
      toArray(),
    ),
  )
  expect(outputs).toHaveLength(10_000)
  const { total, inFlight } = snapshots.at(-1)!
  expect(inFlight).toBe(0)
  expect(total).toMatchObject({ records: 10_000, bytes: 59_000, failed: 0, abandoned: 0, availability: 1 })
  const { p50, p90, p99, p999, max } = total.percentiles
  expect([p50, p90, p99, p999, max]).toEqual([p50, p90, p99, p999, max].sort((a, b) => a - b))
  expect(total.latency).toBeGreaterThan(0)
  expect(total.latency).toBeLessThanOrEqual(max)
  expect(max).toBeLessThanOrEqual(total.elapsed)
})

it('measures processKV with dead letters', async () => {
  await using store = memoryStore({ value: json<number>() })
  const dead: string[] = []
  const meter = createMeter({ store })
  await lastValueFrom(
    from(['a', '', 'b', '', 'a']).pipe(
      measure(
        processKV(store, word => word, count, { deadLetter: ({ record }) => dead.push(record) }),
        { meter, recordOf: ([word]) => word },
      ),
    ),
  )
  expect(dead).toEqual(['', ''])
  expect(meter.snapshot()).toMatchObject({ inFlight: 0, total: { records: 5 } })
})

it('measures a pipe for each key', async () => {
  await using store = memoryStore({ value: json<number>() })
  using meter = createMeter({ store })
  await lastValueFrom(
    from(words).pipe(
      perKey(
        word => word,
        measure(
          pipe(
            lookupKV(store, (word: string) => word),
            map(([word, before]) => [word, count(word, before)] as const),
            upsertKV(store, entry => entry),
          ),
          meter,
        ),
      ),
    ),
  )
  expect(await lastValueFrom(store.get$('word99'))).toBe(100)
  expect(meter.snapshot()).toMatchObject({ inFlight: 0, total: { records: 10_000, failed: 0, abandoned: 0 } })
})

it('lets a source that can be paused be paused', async () => {
  await using store = memoryStore({ value: json<number>() })
  const meter = createMeter({ store })
  let most = 0
  let inside = 0
  function* records(): Generator<string> {
    for (const word of words) {
      most = Math.max(most, ++inside)
      yield word
    }
  }
  const measured$ = pull$(records()).pipe(
    measure(
      processKV(store, word => word, count, { commitSize: 8 }),
      meter,
    ),
    map(() => --inside),
  )
  await lastValueFrom(measured$)
  expect(meter.snapshot().total.records).toBe(10_000)
  expect(most).toBeGreaterThan(1)
  // processKV takes in twice its concurrency.
  expect(most).toBeLessThanOrEqual(17)
})
