import { firstValueFrom, of } from 'rxjs'
import { job, json, Memory, memoryStore, type RunOptions } from 'rxkeeper'
import { expect, test } from 'vitest'
import { writeElsewhere } from '../operators/engines.ts'
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
  key: sale => sale.shop,
  transform: (_, count = 0) => count + 1,
  position: { key: 'position', of: sale => sale.offset },
  process: { commitSize: 64 },
})

const run = (memory: Memory, options: RunOptions<Sale, number, [Sale, number], unknown> = {}) =>
  counting.run({ store: memoryStore({ value: json<number>(), memory }), ...options })

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
  expect(await contentOf(store)).toEqual({ ...counted, position: 999 })
  const { figures } = await run(memory)
  expect(figures.total.records).toBe(0)
  expect(await contentOf(store)).toEqual({ ...counted, position: 999 })
})

test('cut off anywhere, again and again, it counts each record once', async () => {
  const memory = new Memory()
  const store = memoryStore({ value: json<number>(), memory })
  let runs = 0
  for (let processed = 0; (await firstValueFrom(store.get$('position'))) !== 999; runs++) {
    const cutAt = 1 + ((runs * 37) % 150)
    processed = 0
    const running = run(memory, {
      output: () => {
        if (++processed === cutAt) running.abort()
      },
    })
    await running
  }
  expect(runs).toBeGreaterThan(5)
  expect(await contentOf(store)).toEqual({ ...counted, position: 999 })
})

test('of two runs, the one that is behind fails, and nothing is counted twice', async () => {
  const memory = new Memory()
  const store = memoryStore({ value: json<number>(), memory })
  const both = await Promise.allSettled([run(memory), run(memory)])
  const failures = both.flatMap(result => (result.status === 'rejected' ? [result.reason.code] : []))
  expect(failures).toEqual(['VERSION_CONFLICT'])
  const { position, ...counts } = await contentOf(store)
  const sum = Object.values(counts).reduce((total, count) => total + count, 0)
  expect(sum).toBe(position! + 1)
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
  const { position } = await contentOf(memoryStore({ value: json<number>(), memory }))
  expect(position).toBe(999)
})

test('a dead letter moves the position, too', async () => {
  const memory = new Memory()
  const store = memoryStore({ value: json<number>(), memory })
  const input = of({ offset: 0, shop: 'a' }, { offset: 1, shop: '' })
  await run(memory, { input, deadLetter: () => {} })
  expect(await contentOf(store)).toEqual({ a: 1, position: 1 })
})
