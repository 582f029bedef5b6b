import { firstValueFrom, of } from 'rxjs'
import { job, json, Memory, memoryStore, type RunOptions } from 'rxkeeper'
import { lmdbStore } from 'rxkeeper/lmdb'
import { memoryInput } from 'rxkeeper/testing'
import { expect, test } from 'vitest'
import { nodeKey } from '../../src/contract/nodes.ts'
import { recordOf } from '../../src/store/partition-record.ts'
import { temporaryFolder } from '../lmdb/temporary.ts'
import { hookedStore, writeElsewhere } from '../operators/engines.ts'
import { contentOf } from './visits.ts'

interface Sale {
  readonly offset: number
  readonly shop: string
}

const sales: readonly Sale[] = Array.from({ length: 1_000 }, (_, offset) => ({
  offset,
  shop: `shop ${offset % 7}`,
}))

/** Counts sales by shop, and goes on where it stopped. */
const counting = job({
  name: 'sales',
  value: json<number>(),
  input: ({ position }) => sales.slice(position === undefined ? 0 : (position as number) + 1),
  keyOf: sale => sale.shop,
  transform: (_, count = 0) => count + 1,
  position: { key: 'position', of: sale => sale.offset },
  process: { commitSize: 64 },
})

const run = (memory: Memory, options: RunOptions<Sale, number, [Sale, number], unknown> = {}) =>
  counting.run({ store: memoryStore({ value: json<number>(), memory }), ...options })

/** What is kept of the position, beside the keys. */
const kept = (memory: Memory) => {
  const node = nodeKey('positions', 'position')
  return recordOf<number>(node, memory.nodes.get(node))
}

const counted = {
  'shop 0': 143,
  'shop 1': 143,
  'shop 2': 143,
  'shop 3': 143,
  'shop 4': 143,
  'shop 5': 143,
  'shop 6': 142,
}

test('a job that is run again goes on after its position', async () => {
  const memory = new Memory()
  const store = memoryStore({ value: json<number>(), memory })
  await run(memory)
  expect(await contentOf(store)).toEqual(counted)
  expect(kept(memory)).toMatchObject({ position: 999, records: 1000 })
  const { figures } = await run(memory)
  expect(figures.total.records).toBe(0)
  expect(await contentOf(store)).toEqual(counted)
})

test('cut off anywhere, again and again, it counts each record once, and gives each out', async () => {
  const memory = new Memory()
  const store = memoryStore({ value: json<number>(), memory })
  const outputs: number[] = []
  let runs = 0
  for (let processed = 0; kept(memory).position !== 999; runs++) {
    const cutAt = 1 + ((runs * 37) % 150)
    processed = 0
    const running = run(memory, {
      output: ([{ offset }]) => {
        outputs.push(offset)
        if (++processed === cutAt) running.abort()
      },
    })
    await running
  }
  await run(memory, { output: ([{ offset }]) => outputs.push(offset) })
  expect(runs).toBeGreaterThan(3)
  expect(new Set(outputs).size).toBe(1000)
  expect(await contentOf(store)).toEqual(counted)
})

test('of two runs, the later one takes over, and nothing is counted twice', async () => {
  const memory = new Memory()
  const store = memoryStore({ value: json<number>(), memory })
  const both = await Promise.allSettled([run(memory), run(memory)])
  const failures = both.flatMap(result => (result.status === 'rejected' ? [result.reason.code] : []))
  expect(failures).toEqual(['FENCED'])
  expect(await contentOf(store)).toEqual(counted)
})

test('commits that are repeated because others write move it once', async () => {
  const memory = new Memory()
  let calls = 0
  const { figures } = await job({
    ...counting.definition,
    transform: ({ shop, offset }, count = 0) => {
      if (++calls % 50 === 0) writeElsewhere(memory, json<number>(), shop, 1_000_000)
      return offset % 2 === 0 ? count : count + 1
    },
  }).run({ store: memoryStore({ value: json<number>(), memory }) })
  expect(figures.total.records).toBe(1_000)
  expect(calls).toBeGreaterThan(1_000)
  expect(kept(memory)).toMatchObject({ position: 999, records: 1_000 })
})

test('a dead letter moves the position, too', async () => {
  const memory = new Memory()
  const input = of({ offset: 0, shop: 'a' }, { offset: 1, shop: '' })
  await run(memory, { input, deadLetter: () => {} })
  expect(await contentOf(memoryStore({ value: json<number>(), memory }))).toEqual({ a: 1 })
  expect(kept(memory)).toMatchObject({ position: 1, taken: { position: 1, records: 2 } })
})

test('a job that kept its position as a value, as version 0.1.0 did, goes on after it', async () => {
  const memory = new Memory()
  const store = memoryStore({ value: json<number>(), memory })
  await firstValueFrom(store.put$('position', 989))
  const { figures } = await run(memory)
  expect(figures.total.records).toBe(10)
  expect((await contentOf(store)).position).toBeUndefined()
  expect(kept(memory)).toMatchObject({ position: 999 })
})

test('an output that fails is given out by the next run, with those after it', async () => {
  const memory = new Memory()
  const outputs: number[] = []
  let broken = true
  const output = ([{ offset }]: [Sale, number], { position }: { position: unknown }) => {
    if (broken && offset === 100) throw new Error('disk full')
    expect(position).toBe(offset)
    outputs.push(offset)
  }
  await expect(run(memory, { output })).rejects.toMatchObject({ code: 'CALLBACK' })
  broken = false
  await run(memory, { output })
  const again = outputs.indexOf(99) + 1
  expect(outputs.slice(0, again)).toEqual(Array.from({ length: 100 }, (_, i) => i))
  // Of the commit that the sink had not taken as a whole, all.
  expect(outputs.slice(again)).toEqual(Array.from({ length: 1_000 - 64 }, (_, i) => i + 64))
})

test('is kept in LMDB, beside the keys', async () => {
  const path = temporaryFolder()
  const outputs: number[] = []
  const runOnce = async (end: number) => {
    await using store = lmdbStore({ path, value: json<number>() })
    const running = counting.run({
      store,
      output: ([{ offset }]) => {
        outputs.push(offset)
        if (offset === end) running.abort()
      },
    })
    await running
    return contentOf(store)
  }
  await runOnce(100)
  await runOnce(500)
  expect(await runOnce(-1)).toEqual(counted)
  expect(new Set(outputs).size).toBe(1000)
  outputs.length = 0
  await runOnce(-1)
  expect(outputs).toEqual([])
})

test('is not kept where the engine has no place for it, nor twice', async () => {
  const placeless = hookedStore({ value: json<number>(), nodes: false })
  await expect(counting.run({ store: placeless })).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  const partitioned = run(new Memory(), { input: memoryInput({ p: sales }) })
  await expect(partitioned).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
})
