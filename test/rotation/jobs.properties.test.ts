import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { firstValueFrom, lastValueFrom, Subject, timer, toArray } from 'rxjs'
import {
  type Codec,
  encrypted,
  type JobDefinition,
  type JobRun,
  job,
  json,
  type Keyring,
  Memory,
  memoryStore,
  openKeyring,
  rotate$,
} from 'rxkeeper'
import { memoryInput } from 'rxkeeper/testing'
import { expect, test } from 'vitest'
import { RING } from '../../src/operators/internal/journal.ts'

/*
 * Jobs whose keys are rotated while they run, and after they were killed: each record counts once, and its output comes at least
 * once, although each old key is refused as soon as it is rotated away. The outputs that a killed job has left are made again
 * from values that were under an old key.
 */

interface Visit {
  readonly number: number
  readonly user: string
}

/** What befalls a run: it is killed at an output, and keys are rotated at others, and after it. */
interface Run {
  readonly killedAt: number
  readonly rotatedAt: readonly number[]
  readonly rotatedAfter: boolean
}

type Counting = JobDefinition<Visit, number, number | undefined, string, unknown>

const counting: Counting = {
  name: 'counting',
  value: json<number>(),
  input: memoryInput<Visit>({}),
  keyOf: ({ user }) => user,
  transform: ({ user }, count = 0) => {
    if (user === 'bad') throw new Error('the secret of this record')
    return count + 1
  },
  project: ({ number, user }, count) => `${number} ${user} ${count}`,
  process: { commitSize: 3 },
}

/** Where the records are. */
const places: Record<string, (visits: readonly Visit[]) => Pick<Counting, 'input' | 'position'>> = {
  'with a position': visits => ({
    input: ({ position }) => visits.slice((position as number | undefined) ?? 0),
    position: { key: 'position', of: ({ number }) => number + 1 },
  }),
  'on partitions': visits => ({ input: memoryInput({ p0: visits }) }),
}

const visits = fc
  .array(fc.constantFrom('ann', 'bob', 'cid', 'bad'), { minLength: 1, maxLength: 40 })
  .map(users => users.map((user, number): Visit => ({ user, number })))

const runs = fc.array(
  fc.record<Run>({
    killedAt: fc.nat(30),
    rotatedAt: fc.array(fc.nat(20), { maxLength: 2 }),
    rotatedAfter: fc.boolean(),
  }),
  { maxLength: 4 },
)

/** What comes out where nothing happens, and the counts then. */
function expectedOf(visits: readonly Visit[]): [outputs: string[], counts: Map<string, number>] {
  const counts = new Map<string, number>()
  const outputs = visits.map(({ number, user }) => {
    if (user === 'bad') return `${number} bad`
    counts.set(user, (counts.get(user) ?? 0) + 1)
    return `${number} ${user} ${counts.get(user)}`
  })
  return [outputs, counts]
}

/** The keys, of which only some are still given. */
class Service {
  current = 'k0'
  readonly #keys = new Map([['k0', randomBytes(32)]])
  readonly #open = new Set<Keyring>()

  async open(): Promise<Keyring> {
    const keyring = await openKeyring({ current: this.current, key: id => this.#keys.get(id) })
    this.#open.add(keyring)
    return keyring
  }

  /** Rotates to a next key, in all who have a keyring, and gives the old one up. */
  async rotate(memory: Memory): Promise<void> {
    const old = this.current
    this.current = `k${Number(old.slice(1)) + 1}`
    this.#keys.set(this.current, randomBytes(32))
    for (const keyring of this.#open) await keyring.use(this.current)
    const keyring = await this.open()
    await using store = memoryStore({ value: encrypted(json<number>(), keyring), memory })
    expect(await lastValueFrom(rotate$(store))).toMatchObject({ done: true })
    this.#keys.delete(old)
    for (const keyring of this.#open) keyring.refuse(old)
  }
}

test.each(Object.entries(places))(
  'a job %s counts each record once, and gives out each',
  async (_, place) => {
    await fc.assert(
      fc.asyncProperty(visits, runs, async (visits, runs) => {
        const [expected, counts] = expectedOf(visits)
        const memory = new Memory()
        const service = new Service()
        const outputs = new Set<string>()
        const last: Run = { killedAt: Number.POSITIVE_INFINITY, rotatedAt: [2], rotatedAfter: true }
        for (const { killedAt, rotatedAt, rotatedAfter } of [...runs, last]) {
          const value: Codec<number> = encrypted(json<number>(), await service.open())
          await using store = memoryStore({ value, memory })
          let taken = 0
          const rotating: Promise<void>[] = []
          let running: JobRun<unknown> | undefined
          const output = (made: string) => {
            outputs.add(made)
            if (taken === killedAt) running!.abort()
            // One after the other: each rotation gives up the key that the one before has made.
            if (rotatedAt.includes(taken++) && rotating.length === 0) rotating.push(service.rotate(memory))
            return timer(0)
          }
          running = job({ ...counting, ...place(visits) }).run({
            store,
            output,
            deadLetter: ({ record }) => output(`${record.number} bad`),
          })
          await running.then(undefined, error => {
            if (killedAt === Number.POSITIVE_INFINITY) throw error
          })
          await Promise.all(rotating)
          if (rotatedAfter) await service.rotate(memory)
        }
        expect([...outputs].sort()).toEqual([...expected].sort())
        await using store = memoryStore({ value: encrypted(json<number>(), await service.open()), memory })
        const entries = await lastValueFrom(store.entries$().pipe(toArray()))
        expect(new Map(entries.map(({ key, value }) => [key, value]))).toEqual(
          new Map([...counts].sort(([a], [b]) => (a < b ? -1 : 1))),
        )
        const kept = JSON.stringify(
          [...memory.nodes.values()].map(node => Buffer.from(node.value).toString('latin1')),
        )
        expect(kept).not.toContain('secret of this record')
      }),
      { numRuns: 60, timeout: 30_000 },
    )
  },
)

test('a journal that was written anew under a running job is written on', async () => {
  const visits = Array.from({ length: 100 }, (_, number): Visit => ({ number, user: 'ann' }))
  const memory = new Memory()
  const service = new Service()
  await using store = memoryStore({ value: encrypted(json<number>(), await service.open()), memory })
  const rotated = new Subject<void>()
  const outputs: string[] = []
  const running = job({ ...counting, ...places['with a position']!(visits) }).run({
    store,
    // The third is not taken before the key is rotated: its commit and those after it are in the journal.
    output: made => {
      outputs.push(made)
      return outputs.length === 3 ? firstValueFrom(rotated) : undefined
    },
  })
  await expect.poll(() => memory.nodes.size, { timeout: 30_000 }).toBeGreaterThan(RING - 2)
  await service.rotate(memory)
  rotated.next()
  await running
  expect(outputs).toEqual(expectedOf(visits)[0])
})
