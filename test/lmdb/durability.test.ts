import { setTimeout as sleep } from 'node:timers/promises'
import { firstValueFrom } from 'rxjs'
import { json } from 'rxkeeper'
import { lmdbStore } from 'rxkeeper/lmdb'
import { expect, test } from 'vitest'
import { type Counted, counted } from './counted.ts'
import { Program } from './program.ts'
import { temporaryFolder } from './temporary.ts'

/** How often the writer is killed; more for a longer look. */
const ROUNDS = Number(process.env.RXKEEPER_KILL_ROUNDS ?? 5)

test(
  `a writer killed ${ROUNDS} times: every acknowledged write is there, none is torn`,
  async () => {
    const path = temporaryFolder()
    const acknowledged = new Map<string, number>()
    for (let round = 1; round <= ROUNDS; round++) {
      const writer = new Program('writer.ts', [path])
      await writer.line(line => line.startsWith('left'))
      const delay = Math.random() * 200
      await sleep(delay)
      writer.process.kill('SIGKILL')
      await writer.ended
      for (const line of writer.lines) {
        const [key, count] = line.split(' ')
        acknowledged.set(key!, Number(count))
      }

      await using store = lmdbStore({ path, value: json<Counted>() })
      const stored = await firstValueFrom(store.getAll$([...acknowledged.keys(), 'right']))
      const where = `round ${round}, killed ${delay.toFixed(1)} ms after the first acknowledgement`
      for (const [key, value] of stored) expect(value, `${key}, ${where}`).toEqual(counted(value.count))
      for (const [key, count] of acknowledged) {
        expect(stored.get(key)?.count, `${key}, ${where}`).toBeGreaterThanOrEqual(count)
      }
      expect(stored.get('right')?.count, where).toBe(-stored.get('left')!.count)
    }
    expect(acknowledged.size).toBe(21)
  },
  60_000 + 10_000 * ROUNDS,
)
