import { firstValueFrom, toArray } from 'rxjs'
import { json, openStore } from 'rxkeeper'
import { describe, expect, it } from 'vitest'
import { Child } from './support/child.ts'
import { patience, times } from './support/knobs.ts'
import { type Random, seeded } from './support/random.ts'
import { startServer } from './support/servers.ts'
import { until } from './support/until.ts'

/*
 * `moveStore$` is killed (-9) at random points and run again, while the store is used: nothing that was acknowledged is lost,
 * nothing old comes back, and a job counts each record once.
 */

/** Waits for whole moves, and jobs, in milliseconds: only to end what hangs. */
const LONG = patience / 2

/** Moves a store, by runs that are killed, until one is done. */
async function moveKilled(random: Random, from: string, to: string): Promise<void> {
  const rounds = times(2, 12)
  for (let round = 0; ; round++) {
    using child = new Child('move.ts', [from, to])
    const most = round < rounds ? random.whole(1, 9) : Number.POSITIVE_INFINITY
    await until(`it moves; ${child.complaint}`, () => child.lines.length >= most || child.ended !== undefined)
    await child.kill()
    expect(child.complaint).toBe('')
    if (child.ended === 0) {
      expect(child.lines.at(-1)).toMatch(/^moved /)
      return
    }
    expect(round).toBeLessThan(rounds)
  }
}

describe('a store that is moved by runs that are killed', () => {
  it(
    'from one server to two shards, and on to three, while a program writes',
    async () => {
      const random = seeded('moved store')
      await using one = await startServer()
      await using two = await startServer()
      await using three = await startServer()
      const places = [
        `zookeeper://${one.servers}/one`,
        `zookeeper://${one.servers};${two.servers}/two?buckets=4`,
        `zookeeper://${one.servers};${two.servers};${three.servers}/three`,
      ]
      const idle = Array.from({ length: 3000 }, (_, i): [string, number] => [`idle-${i}`, i])
      {
        await using store = openStore(places[0], { value: json<number>() })
        for (let i = 0; i < idle.length; i += 500) await firstValueFrom(store.putAll$(idle.slice(i, i + 500)))
      }
      using writer = new Child('follower.ts', [places[0]!, '20'])
      for (const [i, to] of places.slice(1).entries()) {
        const before = writer.lines.length
        await until(`it writes; ${writer.complaint}`, () => writer.lines.length > before + 100)
        await moveKilled(random, places[i]!, to)
        await until(`it is told; ${writer.complaint}`, () => writer.lines.includes(`moved ${to}`))
      }
      await writer.finish()
      expect(writer.complaint).toBe('')
      const expected = new Map(idle)
      for (const line of writer.lines) {
        const [key, value] = line.split(' ') as [string, string]
        if (key !== 'moved') expected.set(key, Number(value))
      }
      await using store = openStore(places[2], { value: json<number>() })
      const found = await firstValueFrom(store.entries$().pipe(toArray()))
      expect(new Map(found.map(({ key, value }) => [key, value]))).toEqual(expected)
    },
    patience,
  )

  it(
    'from one server to two shards, and on to three, while a job runs that is killed, too',
    async () => {
      const random = seeded('moved job')
      await using one = await startServer()
      await using two = await startServer()
      await using three = await startServer()
      const [first, second, last] = [
        `zookeeper://${one.servers}/one?sessionTimeout=1000`,
        `zookeeper://${one.servers};${two.servers}/two?sessionTimeout=1000`,
        `zookeeper://${one.servers};${two.servers};${three.servers}/three?sessionTimeout=1000`,
      ] as const
      const records = times(6000, 40_000)
      const newest = new Map<string, number>()
      const run = async (): Promise<void> => {
        for (let url: string = first; ; ) {
          using child = new Child('job.ts', [url, 'partitions', `${records}`])
          const most = random.pick([500, random.whole(1, records), Number.POSITIVE_INFINITY])
          await until('it runs', () => child.lines.length >= most || child.ended !== undefined, LONG)
          await child.kill()
          for (const line of child.lines) {
            const [partition, at, count] = line.split(' ') as [string, string, string]
            const position = Number(at)
            expect([line, Number(count)]).toEqual([line, Math.ceil(position / 10)])
            // None is left out.
            expect(position).toBeLessThanOrEqual((newest.get(partition) ?? 0) + 1)
            newest.set(partition, Math.max(newest.get(partition) ?? 0, position))
          }
          if (child.ended === 0) return
          const told = /movedTo: '([^']+)'/.exec(child.complaint)
          if (told !== null) url = told[1]!
          else expect(child.complaint).toBe('')
        }
      }
      const moves = async (): Promise<void> => {
        await moveKilled(random, first, second)
        await moveKilled(random, second, last)
      }
      await Promise.all([run(), moves()])
      expect([...newest.values()]).toEqual([records, records, records])
      await using store = openStore(last, { value: json<number>() })
      const entries = await firstValueFrom(store.entries$().pipe(toArray()))
      expect(entries.map(({ value }) => value)).toEqual(Array(30).fill(records / 10))
    },
    patience,
  )
})
