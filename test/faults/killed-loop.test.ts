import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { firstValueFrom } from 'rxjs'
import { json, type KVStore, zookeeperStore } from 'rxkeeper'
import { lmdbStore } from 'rxkeeper/lmdb'
import { describe, expect, it } from 'vitest'
import { Child } from './support/child.ts'
import { patience, times } from './support/knobs.ts'
import { type Random, seeded } from './support/random.ts'
import { startServer } from './support/servers.ts'
import { until } from './support/until.ts'

/*
 * A process loop that is killed (-9) at random points and started again after the last output that it emitted: there is
 * no output without its write, no write that was acknowledged is lost, and a record is repeated only where it had no
 * output yet.
 */

async function killAgainAndAgain(
  random: Random,
  where: string,
  root: string,
  open: () => KVStore<number[]>,
): Promise<void> {
  const rounds: { readonly start: number; readonly last: number }[] = []
  let next = 0
  for (let round = 0; round < times(4, 50); round++) {
    using child = new Child('loop.ts', [where, root, String(next)])
    // In the middle of a commit, or as soon as there is an output, or long after.
    const outputs = random.pick([1, 2, random.whole(3, 300), random.whole(300, 2000)])
    await until(
      `there are outputs; ${child.complaint}`,
      () => child.lines.length >= outputs || child.ended !== undefined,
    )
    expect([child.ended, child.complaint]).toEqual([undefined, ''])
    await child.kill()
    const emitted = child.lines.map(Number)
    expect(emitted).toEqual(emitted.map((_, i) => next + i))
    rounds.push({ start: next, last: emitted.at(-1)! })
    next = emitted.at(-1)! + 1

    await using store = open()
    const found = await firstValueFrom(store.getAll$(Array.from({ length: 60 }, (_, i) => `key-${i}`)))
    const seen = new Map<number, number>()
    for (const [key, numbers] of found) {
      for (const number of numbers) {
        expect(key).toBe(`key-${number % 60}`)
        seen.set(number, (seen.get(number) ?? 0) + 1)
      }
      // In the order of the input, but for what is repeated.
      const firsts = numbers.filter((number, i) => numbers.indexOf(number) === i)
      expect(firsts).toEqual([...firsts].sort((a, b) => a - b))
    }
    for (let number = 0; number < next; number++) if (!seen.has(number)) throw new Error(`${number} is lost`)
    for (const [number, count] of seen) {
      const tries = rounds.filter(({ start }) => start <= number).length
      if (count > tries) throw new Error(`${number} was written ${count} times in ${tries} rounds`)
    }
  }
  console.log(`killed ${rounds.length} times in ${next} records`)
}

describe('a process loop that is killed', () => {
  it(
    'on ZooKeeper',
    async () => {
      await using server = await startServer()
      const root = '/killed'
      await killAgainAndAgain(seeded('killed loop'), server.servers, root, () =>
        zookeeperStore({ servers: server.servers, root, value: json(), consistency: 'linearizable' }),
      )
    },
    patience,
  )

  it(
    'on LMDB',
    async () => {
      const path = mkdtempSync(join(tmpdir(), 'rxkeeper-killed-'))
      try {
        await killAgainAndAgain(seeded('killed loop'), path, 'killed', () =>
          lmdbStore({ path, root: 'killed', value: json() }),
        )
      } finally {
        rmSync(path, { recursive: true })
      }
    },
    patience,
  )
})
