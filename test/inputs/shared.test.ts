import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import {
  ignoreElements,
  lastValueFrom,
  mergeMap,
  ReplaySubject,
  Subject,
  type Subscription,
  tap,
  toArray,
} from 'rxjs'
import { json, Memory, memoryStore, ownPartitions$, type PartitionedInput, processKV, pull$ } from 'rxkeeper'
import { filesInput } from 'rxkeeper/inputs/files'
import { redisInput } from 'rxkeeper/inputs/redis'
import { expect, it, onTestFinished } from 'vitest'
import { eventually } from '../../src/testing/waiting.ts'
import { startRedis } from '../setup/redis-server.ts'
import { makeFolder } from './files/folder.ts'

const RECORDS = 40_000
const PARTITIONS = 6

const records = Array.from({ length: RECORDS }, (_, n) => ({ n, key: `key${(n * 7919) % 500}` }))

interface Counted {
  readonly key: string
}

/** A process of the group, with a store and an input of its own. */
class Worker<P> {
  readonly #store
  readonly #input: PartitionedInput<Counted, P>
  readonly #leave$ = new Subject<void>()
  readonly #work: Subscription
  readonly left: Promise<void>
  outputs = 0

  constructor(memory: Memory, input: PartitionedInput<Counted, P>) {
    const store = memoryStore({ value: json<number>(), memory })
    this.#store = store
    this.#input = input
    const group = { group: 'count', partitions$: input.partitions$, leave$: this.#leave$ }
    const outputs$ = ownPartitions$<P>(store, group).pipe(
      mergeMap(owned =>
        owned.run$(
          pull$(input.read(owned.partition, owned.position)),
          processKV(
            store,
            ({ record }) => record.key,
            (_, count = 0) => count + 1,
            { partition: owned, positionOf: ({ position }) => position, commitSize: 256 },
          ),
        ),
      ),
    )
    const ended = new ReplaySubject<never>()
    this.left = lastValueFrom(ended, { defaultValue: undefined })
    this.#work = outputs$
      .pipe(
        tap(() => this.outputs++),
        ignoreElements(),
      )
      .subscribe(ended)
  }

  /** Leaves in good order. */
  async leave(): Promise<void> {
    this.#leave$.next()
    await this.left
    await this.close()
  }

  /** Goes away in the middle of what it does. */
  async close(): Promise<void> {
    this.#work.unsubscribe()
    await this.#store.close()
    await this.#input.close?.()
  }
}

async function countTogether<P>(open: () => PartitionedInput<Counted, P>): Promise<void> {
  const memory = new Memory()
  const counts = memoryStore({ value: json<number>(), memory })
  const counted = async (): Promise<number> => {
    const entries = await lastValueFrom(counts.entries$().pipe(toArray()))
    return entries.reduce((sum, { value }) => sum + value, 0)
  }
  const reaches = (share: number): Promise<unknown> =>
    eventually(
      async () => (await counted()) >= share * RECORDS || undefined,
      () => new Error(`did not count ${share * RECORDS} records`),
      { timeout: 60_000, every: 5 },
    )
  const workers = [new Worker(memory, open())]
  await reaches(0.1)
  workers.push(new Worker(memory, open()), new Worker(memory, open()))
  await reaches(0.3)
  await workers[0]!.leave()
  await reaches(0.5)
  await workers[1]!.close()
  workers.push(new Worker(memory, open()))
  await reaches(1)
  await Promise.all(workers.slice(2).map(worker => worker.leave()))
  const expected = new Map<string, number>()
  for (const { key } of records) expected.set(key, (expected.get(key) ?? 0) + 1)
  const entries = await lastValueFrom(counts.entries$().pipe(toArray()))
  expect(new Map(entries.map(({ key, value }) => [key, value]))).toEqual(expected)
  // What goes away in the middle may not tell of what it has counted; nobody else does.
  expect(workers.reduce((sum, { outputs }) => sum + outputs, 0)).toBeLessThanOrEqual(RECORDS)
  await counts.close()
}

it('processes that come, leave and go away read a large file together, each record once', async () => {
  const { path: cwd, remove } = makeFolder()
  onTestFinished(remove)
  const lines = records.map(record => `${JSON.stringify(record)}\n`).join('')
  writeFileSync(join(cwd, 'records.ndjson'), lines)
  const partitionBytes = Math.ceil(lines.length / PARTITIONS)
  await countTogether(() => filesInput<Counted>({ files: '*.ndjson', cwd, partitionBytes }))
})

it('and Redis streams', async () => {
  await using server = await startRedis()
  const client = new Redis(server.url)
  onTestFinished(() => client.disconnect())
  const prefix = randomBytes(4).toString('hex')
  const pipeline = client.pipeline()
  for (const { n, key } of records) pipeline.xadd(`${prefix}:${n % PARTITIONS}`, '*', 'key', key)
  await pipeline.exec()
  await countTogether(() => redisInput<Counted>({ url: server.url, streams: `${prefix}:*` }))
})
