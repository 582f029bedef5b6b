import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { eventually } from '../waiting.ts'
import type { InputSuite } from './place.ts'
import { begin, PATIENCE, records, takeFrom } from './taking.ts'

/** The number of letters in a record of these cases. */
const LETTERS = 1024

/** The memory that an input may use, however much there is to read: 8 MiB. */
const HELD = 8 * 1024 * 1024

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** The reachable memory, in bytes. */
function inUse(): number {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** The reachable memory once it no longer grows, in bytes. */
async function settledUse(): Promise<number> {
  let last = Number.POSITIVE_INFINITY
  let still = 0
  return eventually(
    () => {
      const now = inUse()
      still = Math.abs(now - last) < 256 * 1024 ? still + 1 : 0
      last = now
      return still === 3 ? now : undefined
    },
    () => new Error('memory does not come to rest'),
    { timeout: PATIENCE, every: 50 },
  )
}

/** Pull-based: nothing is fetched faster than it is taken. */
export function pacing<P>({ it, capabilities: { many } }: InputSuite<P>): void {
  const fill = async (append: (records: ReturnType<typeof recordsFrom>) => Promise<void>): Promise<void> => {
    for (let n = 0; n < many; n += 1000) await append(recordsFrom(n))
  }
  const recordsFrom = (n: number) => records(n, Math.min(many, n + 1000), 'x'.repeat(LETTERS))

  it('holds little while nobody takes', 1, async ({ open, place, partition }) => {
    await fill(batch => place.append(partition, batch))
    const input = await open()
    const before = await settledUse()
    const reading = begin(input, partition)
    await takeFrom(reading, 1)
    const after = await settledUse()
    assert.ok(after - before < HELD, `${after - before} bytes more for one record of ${many}`)
    await reading.return?.()
  })

  it('reads many in flat memory, in order, for a slow taker', 1, async ({ open, place, partition }) => {
    await fill(batch => place.append(partition, batch))
    const input = await open()
    const reading = begin(input, partition)
    await takeFrom(reading, 1)
    const before = await settledUse()
    for (let n = 1; n < many; n++) {
      const { done, value } = await reading.next()
      assert.ok(!done, `ended at ${n} of ${many}`)
      if (value.record.n !== n) assert.fail(`record ${value.record.n} at ${n}`)
      if (n % 100 === 0) await turn()
      if (n % Math.ceil(many / 3) === 0) {
        const grown = (await settledUse()) - before
        assert.ok(grown < HELD, `${grown} bytes more after ${n} records`)
      }
    }
    await reading.return?.()
  })
}
