import { expect, it } from 'vitest'
import { Published } from '../../src/monitor/published.ts'

const figures = (key: string, value: object) =>
  ({ type: 'put', key, value: Buffer.from(JSON.stringify(value)), version: 0 }) as const

it('what is not renewed in time is out of date', () => {
  const published = new Published()
  const stale = (now: number): boolean | undefined => published.programs(now)[0]?.stale
  expect(published.take(figures('~figures/job', { at: 9_000, interval: 2_000 }), 10_000)).toBe(true)
  expect(stale(17_000)).toBe(false)
  expect(stale(17_001)).toBe(true)
  // Seen as it is renewed: by the clock here, whatever the clock is there.
  published.take(figures('~figures/job', { at: 1, interval: 2_000 }), 20_000)
  expect(stale(28_000)).toBe(false)
  expect(stale(28_001)).toBe(true)
})

it('what cannot be is not taken for a time, a name or figures', () => {
  const published = new Published()
  for (const at of [-1e300, -1, 1e300, '5', null]) {
    published.take(figures(`~figures/${at}`, { at }), 10_000)
    expect([at, published.history()[`${at}`]]).toEqual([at, [expect.objectContaining({ at: 10_000 })]])
  }
  expect(published.take(figures('~figures/', { at: 1 }), 1)).toBe(true)
  expect(published.take(figures('~figures/large', { at: 1, x: 'x'.repeat(100_000) }), 1)).toBe(true)
  const errors = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`E${i}`.padEnd(500), 1]))
  published.take(figures('~figures/errors', { records: { total: { errors } } }), 1)
  expect(published.programs(1).map(({ name }) => name)).not.toContain('')
  expect(published.programs(1).map(({ name }) => name)).not.toContain('large')
  expect(JSON.stringify(published.programs(1)).length).toBeLessThan(10_000)
})

it('programs come in the order of their names, with what they were', () => {
  const published = new Published()
  for (const name of ['b', 'a']) published.take(figures(`~figures/${name}`, { at: 1 }), 1)
  published.take(figures('~figures/a', { records: { interval: { throughput: 5 } } }), 2)
  expect(published.programs(2).map(({ name }) => name)).toEqual(['a', 'b'])
  expect(published.history().a).toMatchObject([
    { at: 1, throughput: null },
    { at: 2, throughput: 5 },
  ])
  expect(published.take(figures('figures/a', {}), 3)).toBe(false)
})

it('a key without batches, cache or records is a program all the same', () => {
  const published = new Published()
  for (const value of [{}, { records: null, store: [] }, { store: { total: { reads: 'x' } } }]) {
    published.take(figures('~figures/odd', value), 1)
    expect(published.programs(1)).toMatchObject([{ name: 'odd', errors: {}, cacheHits: null }])
  }
})
