import { firstValueFrom, toArray } from 'rxjs'
import { json, openStore } from 'rxkeeper'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../lmdb/temporary.ts'
import { Child } from './support/child.ts'
import { patience, soaking, times } from './support/knobs.ts'
import { type Random, seeded } from './support/random.ts'
import { startServer } from './support/servers.ts'
import { until } from './support/until.ts'

/*
 * A job that keeps its position is killed (-9) at random points and run again: each record counts once, and its output comes at
 * least once, as if nothing had happened, in the order of its partition but for repeats.
 */

const RECORDS = 4000

async function killAgainAndAgain(
  random: Random,
  url: string,
  how: string,
  partitions: number,
  ensembles = 1,
): Promise<void> {
  const rounds = times(4, 30)
  const newest = new Map<string, number>()
  for (let round = 0; ; round++) {
    using child = new Child('job.ts', [url, how, `${RECORDS}`])
    const most =
      round < rounds ? random.pick([1, 50, random.whole(1, RECORDS / 4)]) : Number.POSITIVE_INFINITY
    await until(
      `there are outputs; ${child.complaint}`,
      () => child.lines.length >= most || child.ended !== undefined,
    )
    await child.kill()
    expect(child.complaint).toBe('')
    const before = new Map<string, number>()
    for (const line of child.lines) {
      const [partition, at, count] = line.split(' ') as [string, string, string]
      const position = Number(at)
      expect([line, Number(count)]).toEqual([line, Math.ceil(position / 10)])
      const last = before.get(partition) ?? position - 1
      const most = newest.get(partition) ?? 0
      // Of those that were taken before, some ensembles may make theirs again and others not.
      if (ensembles === 1) expect([line, position]).toEqual([line, last + 1])
      else expect(position).toBeGreaterThan(last)
      expect(position).toBeLessThanOrEqual(most + 1)
      before.set(partition, position)
      newest.set(partition, Math.max(most, position))
    }
    if (child.ended === 0) break
    expect(round).toBeLessThan(rounds)
  }
  expect([...newest.values()]).toEqual(Array.from({ length: partitions }, () => RECORDS))
  await using store = openStore(url, { value: json<number>() })
  const entries = await firstValueFrom(store.entries$().pipe(toArray()))
  expect(entries.map(({ value }) => value)).toEqual(entries.map(() => RECORDS / 10))
  expect(entries).toHaveLength(10 * partitions)
}

describe('a job that is killed', () => {
  it.each([
    ['with a position', 'position', 1],
    ['on partitions', 'partitions', 3],
  ])(
    'on ZooKeeper, %s',
    async (_, how, partitions) => {
      await using server = await startServer()
      const url = `zookeeper://${server.servers}/killed?sessionTimeout=1000`
      await killAgainAndAgain(seeded('killed job'), url, how, partitions)
    },
    patience,
  )

  it.each([
    ['on partitions', 'partitions', 3],
    ...(soaking ? [['with a position', 'position', 1] as const] : []),
  ] as const)(
    'on two servers, each with its own keys, %s',
    async (_, how, partitions) => {
      await using first = await startServer()
      await using second = await startServer()
      const url = `zookeeper://${first.servers};${second.servers}/killed?sessionTimeout=1000`
      await killAgainAndAgain(seeded('killed job'), url, how, partitions, 2)
    },
    patience,
  )

  it(
    'on LMDB',
    async () => {
      await killAgainAndAgain(seeded('killed job'), `lmdb:${temporaryFolder()}`, 'position', 1)
    },
    patience,
  )
})
