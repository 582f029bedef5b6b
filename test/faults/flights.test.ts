import { createReadStream, createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { filter, firstValueFrom, lastValueFrom, reduce } from 'rxjs'
import { group$, json, zookeeperStore } from 'rxkeeper'
import { expect, it } from 'vitest'
import { FLIGHT } from '../../examples/flights/flight.ts'
import { openInput } from '../../examples/flights/input/index.ts'
import { temporaryFolder } from '../lmdb/temporary.ts'
import { Child } from './support/child.ts'
import { patience, soaking, times } from './support/knobs.ts'
import { seeded } from './support/random.ts'
import { startThree } from './support/servers.ts'
import { until, within } from './support/until.ts'

/*
 * Five processes on three servers count flights by airport, while one is killed, one frozen beyond its session and woken
 * again, and one added: every count is what one process alone gets. Three million flights in the soak.
 */

const PROCESSES = 5
const data = join(import.meta.dirname, '../../node_modules/vega-datasets/data')

interface Count {
  readonly flights: number
  readonly late: number
}

/** Writes the flights as NDJSON; returns how many there are, and what is to be counted. */
async function flights(file: string): Promise<{ total: number; expected: Map<string, Count> }> {
  const expected = new Map<string, Count>()
  let total = 0
  async function* lines(): AsyncGenerator<string> {
    for (let n = 0; n < times(10, 1); n++) {
      const input = await openInput(join(data, soaking ? 'flights-3m.parquet' : 'flights-20k.json'), FLIGHT)
      for await (const { origin, delay } of input.read(0)) {
        const { flights, late } = expected.get(origin) ?? { flights: 0, late: 0 }
        expected.set(origin, { flights: flights + 1, late: delay > 15 ? late + 1 : late })
        total++
        yield `${JSON.stringify({ origin, delay })}\n`
      }
    }
  }
  await pipeline(Readable.from(lines()), createWriteStream(file))
  return { total, expected }
}

/** The bytes of a file that has so many lines, divided by `parts`. */
async function partitionBytes(file: string, parts: number): Promise<number> {
  let bytes = 0
  for await (const line of createInterface({ input: createReadStream(file) })) bytes += line.length + 1
  return Math.ceil(bytes / parts)
}

it(
  'five processes count flights exactly, one killed, one frozen beyond its session, one added',
  async () => {
    const random = seeded('flights')
    await using ensemble = await startThree()
    const file = join(temporaryFolder(), 'flights.ndjson')
    const { total, expected } = await flights(file)
    const bytes = await partitionBytes(file, 23)
    const root = '/flights'
    const url = `zookeeper://${ensemble.servers}${root}?sessionTimeout=2000`
    await using store = zookeeperStore({ servers: ensemble.servers, root, value: json<Count>() })
    const children: Child[] = []
    const start = (): Child => {
      const allowance = Math.floor((0.8 * total) / PROCESSES)
      const child = new Child('flights.ts', [url, file, `${bytes}`, `${allowance}`])
      children.push(child)
      return child
    }
    const complaints = () => children.map(({ complaint }) => complaint).join('')
    const counted = () =>
      lastValueFrom(store.entries$().pipe(reduce((sum, { value }) => sum + value.flights, 0)))
    const members = (count: number) =>
      within(
        `${count} members; ${complaints()}`,
        firstValueFrom(
          group$(store, 'flights', { interval: 100 }).pipe(filter(({ members }) => members.length === count)),
        ),
        patience,
      )
    try {
      for (let n = 0; n < PROCESSES; n++) start()
      await members(PROCESSES)
      const hurtAt = total * (0.1 + 0.3 * random.next())
      await until(`some are counted; ${complaints()}`, async () => (await counted()) >= hurtAt, patience)
      const [killed, frozen] = random.shuffled(children) as [Child, Child]
      frozen.signal('SIGSTOP')
      await killed.kill()
      await members(PROCESSES - 2)
      const added = start()
      await members(PROCESSES - 1)
      frozen.signal('SIGCONT')
      await members(PROCESSES)
      expect(await counted()).toBeLessThan(total)
      const left = children.filter(child => child !== killed)
      for (const child of left) child.write('go on\n')
      await until(
        `all have ended; ${complaints()}`,
        () => left.every(({ ended }) => ended !== undefined),
        patience,
      )
      expect(complaints()).toBe('')
      expect(left.map(({ ended }) => ended)).toEqual(left.map(() => 0))
      expect(added.ended).toBe(0)
      const counts = await lastValueFrom(
        store.entries$().pipe(reduce((map, { key, value }) => map.set(key, value), new Map<string, Count>())),
      )
      expect(counts).toEqual(expected)
    } finally {
      for (const child of children) child[Symbol.dispose]()
    }
  },
  patience,
)
