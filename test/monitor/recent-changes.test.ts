import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { RecentChanges } from '../../src/monitor/recent-changes.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const SIZE = 8 * 1024 * 1024

it('holds no more of a value than is shown of it', () => {
  const changes = new RecentChanges()
  changes.add({ type: 'synced' }, 0)
  collectGarbage()
  const before = process.memoryUsage().arrayBuffers
  for (let i = 0; i < 60; i++) {
    const value = new Uint8Array(SIZE).fill(0x78)
    changes.add({ type: 'put', key: `k${i}`, value, version: i }, i)
    if (i === 29) changes.take()
  }
  collectGarbage()
  const { latest } = changes.take()
  expect(latest).toHaveLength(30)
  expect(latest[0]).toEqual({
    type: 'put',
    at: 30,
    key: 'k30',
    version: 30,
    value: { kind: 'text', text: 'x'.repeat(160), cut: true, bytes: SIZE },
  })
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 * SIZE)
})

it('shows values that are small, cut within a character, or no text', () => {
  const changes = new RecentChanges()
  changes.add({ type: 'synced' }, 0)
  for (const [i, value] of ['{"a":1}', `x${'€'.repeat(10_000)}`, '', '\xff'].entries()) {
    const bytes = Buffer.from(value, value === '\xff' ? 'latin1' : 'utf8')
    changes.add({ type: 'put', key: `${i}`, value: bytes, version: 0 }, 0)
  }
  const values = changes.take().latest.map(change => change.type === 'put' && change.value)
  expect(values).toEqual([
    { kind: 'json', text: '{"a":1}', cut: false, bytes: 7 },
    { kind: 'text', text: `x${'€'.repeat(159)}`, cut: true, bytes: 30_001 },
    { kind: 'text', text: '', cut: false, bytes: 0 },
    { kind: 'bytes', text: 'ff', cut: false, bytes: 1 },
  ])
})
