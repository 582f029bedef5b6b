import { firstValueFrom, lastValueFrom, toArray } from 'rxjs'
import { bytes, json, moveStore$, openStore, type PausedStore, pauseStore$, restoreNodes$ } from 'rxkeeper'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../lmdb/temporary.ts'
import { Child } from './support/child.ts'
import { patience } from './support/knobs.ts'
import { startServer } from './support/servers.ts'
import { until } from './support/until.ts'

const RECORDS = 8000

/** How many records of each partition are counted in the keys, and how many its position says, in each ensemble. */
async function progressOf(paused: PausedStore): Promise<{ counted: number[]; said: number[][] }> {
  const counted = [0, 0, 0]
  const said: number[][] = [[], [], []]
  for (const { key, value } of await firstValueFrom(paused.store.entries$().pipe(toArray()))) {
    counted[Number(key[0])]! += Number(Buffer.from(value).toString())
  }
  for (const { node, value } of await paused.nodes()) {
    if (node[2] === 'partitions' && node.length === 4) {
      said[Number(node[3]![1])]!.push(
        (JSON.parse(Buffer.from(value).toString()) as { position: number }).position,
      )
    }
  }
  return { counted, said }
}

/** What a job has said, and that nothing else was wrong with it. */
function firstPositions(lines: readonly string[]): Map<string, number> {
  const first = new Map<string, number>()
  for (const line of lines) {
    const [partition, position] = line.split(' ') as [string, string]
    if (!first.has(partition)) first.set(partition, Number(position))
  }
  return first
}

describe('a savepoint of a job that runs', () => {
  it(
    'is of one moment, and another job goes on there, in another place and on another engine',
    async () => {
      await using server = await startServer()
      const url = `zookeeper://${server.servers}/running?sessionTimeout=1000`
      using running = new Child('job.ts', [url, 'partitions', `${RECORDS}`])
      const others = [`lmdb:${temporaryFolder()}`, `zookeeper://${server.servers}/other`]
      for (const [i, other] of others.entries()) {
        await until(`it runs; ${running.complaint}`, () => running.lines.length > 200)
        const paused = await firstValueFrom(pauseStore$({ store: url }))
        const taken = await progressOf(paused)
        expect(taken.said).toEqual(taken.counted.map(count => [count]))
        await using copy = openStore(other, { value: bytes })
        const entries = await firstValueFrom(paused.store.entries$().pipe(toArray()))
        await firstValueFrom(copy.putAll$(entries.map(({ key, value }) => [key, value])))
        await lastValueFrom(restoreNodes$(copy, await paused.nodes()), { defaultValue: undefined })
        await paused.resume()
        // LMDB has no groups: there only what is in it is looked at.
        if (i === 0) {
          const loaded = await firstValueFrom(pauseStore$({ store: other }))
          expect(await progressOf(loaded)).toEqual(taken)
          await loaded.resume()
          continue
        }
        using next = new Child('job.ts', [other, 'partitions', `${RECORDS}`])
        await until(`it goes on; ${next.complaint}`, () => firstPositions(next.lines).size === 3)
        for (const [partition, position] of firstPositions(next.lines)) {
          expect(position).toBeGreaterThan(0)
          expect(position).toBeLessThanOrEqual(taken.counted[Number(partition[1])]! + 1)
        }
        await until(`it ends; ${next.complaint}`, () => next.ended === 0)
        await using store = openStore(other, { value: json<number>() })
        const found = await firstValueFrom(store.entries$().pipe(toArray()))
        expect(found.map(({ value }) => value)).toEqual(Array(30).fill(RECORDS / 10))
      }
      expect(running.complaint).toBe('')
    },
    patience,
  )

  it(
    'does not stop the job when who makes it is killed, and is none if somebody wrote meanwhile',
    async () => {
      await using server = await startServer()
      const url = `zookeeper://${server.servers}/running?sessionTimeout=1000`
      using running = new Child('job.ts', [url, 'partitions', `${RECORDS}`])
      await until(`it runs; ${running.complaint}`, () => running.lines.length > 100)
      using killed = new Child('pause.ts', [url])
      await until(`it is paused; ${killed.complaint}`, () => killed.lines.includes('paused'))
      await killed.kill()
      await until(`it runs; ${running.complaint}`, () => running.ended === 0)

      const folder = `lmdb:${temporaryFolder()}`
      await using user = openStore(folder, { value: json<number>() })
      const paused = await firstValueFrom(pauseStore$({ store: folder }))
      await firstValueFrom(user.put$('a', 1))
      await expect(paused.resume()).rejects.toMatchObject({ code: 'VERSION_CONFLICT' })
    },
    patience,
  )
})

it(
  'a job is asked to finish what it has begun, when it is moved to another number of ensembles',
  async () => {
    await using one = await startServer()
    await using two = await startServer()
    const from = `zookeeper://${one.servers}/one?sessionTimeout=1000`
    const to = `zookeeper://${one.servers};${two.servers}/two?sessionTimeout=1000`
    using running = new Child('job.ts', [from, 'partitions', `${RECORDS * 5}`])
    await until(`it runs; ${running.complaint}`, () => running.lines.length > 100)
    await lastValueFrom(moveStore$({ from, to }))
    await until('it is told', () => running.ended === 1)
    expect(running.complaint).toContain(`movedTo: '${to}'`)
    const paused = await firstValueFrom(pauseStore$({ store: to }))
    const { counted, said } = await progressOf(paused)
    expect(counted[0]).toBeGreaterThan(0)
    expect(said).toEqual(counted.map(count => [count, count]))
    await paused.resume()
  },
  patience,
)
