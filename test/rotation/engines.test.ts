import { randomBytes } from 'node:crypto'
import { firstValueFrom, lastValueFrom, toArray } from 'rxjs'
import {
  encrypted,
  job,
  json,
  type KVStore,
  kvStore,
  Memory,
  MemoryEngine,
  memoryStore,
  openKeyring,
  rotate$,
  ShardedEngine,
  type StoreOptions,
  zookeeperStore,
} from 'rxkeeper'
import { lmdbStore } from 'rxkeeper/lmdb'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../lmdb/temporary.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'

/*
 * On every engine: a job is killed before its outputs are taken, its key is rotated by somebody who loads the old one only when it
 * is met, and the job gives the outputs out under the new key alone.
 */

const keys: Record<string, Buffer> = { k1: randomBytes(32), k2: randomBytes(32) }

/** What opens a store on the same data, again and again. */
type Open = (options: StoreOptions<number>) => KVStore<number>

const places: Record<string, () => Open> = {
  memory: () => {
    const memory = new Memory()
    return options => memoryStore({ ...options, memory })
  },
  'several engines': () => {
    const memories = [new Memory(), new Memory(), new Memory()]
    return options => kvStore(new ShardedEngine(memories.map(memory => new MemoryEngine(memory))), options)
  },
  LMDB: () => {
    const path = temporaryFolder()
    return options => lmdbStore({ ...options, path })
  },
  ZooKeeper: () => {
    const root = freshRoot('rotation')
    return options => zookeeperStore({ ...options, servers, root })
  },
}

const opened = async (open: Open, current: string, ids: readonly string[]): Promise<KVStore<number>> => {
  const key = async (id: string) => (ids.includes(id) ? keys[id] : undefined)
  return open({ value: encrypted(json<number>(), await openKeyring({ current, key })) })
}

test.each(Object.entries(places))('on %s', async (_, place) => {
  const open = place()
  const records = Array.from({ length: 20 }, (_, number) => ({ number }))
  const counting = job({
    name: 'counting',
    value: json<number>(),
    input: ({ position }) => records.slice((position as number | undefined) ?? 0),
    position: { key: 'position{t}', of: ({ number }) => number + 1 },
    keyOf: ({ number }) => `${number % 3}{t}`,
    transform: (_, count: number = 0) => count + 1,
    project: ({ number }, count) => `${number} ${count}`,
    process: { commitSize: 4 },
  })
  {
    await using store = await opened(open, 'k1', ['k1'])
    let outputs = 0
    const running = counting.run({
      store,
      output: () => {
        if (++outputs === 2) running.abort()
      },
    })
    await running.then(undefined, () => {})
    expect(outputs).toBe(2)
  }
  {
    await using store = await opened(open, 'k2', ['k1', 'k2'])
    expect(await lastValueFrom(rotate$(store))).toMatchObject({ done: true, pass: 2 })
    expect(await lastValueFrom(rotate$(store))).toMatchObject({ done: true, pass: 1 })
  }
  await using store = await opened(open, 'k2', ['k2'])
  const outputs = new Set<string>()
  await counting.run({ store, output: made => void outputs.add(made) })
  // The first came out of the run that was killed.
  for (const { number } of records.slice(1))
    expect(outputs).toContain(`${number} ${Math.floor(number / 3) + 1}`)
  const entries = await firstValueFrom(store.entries$().pipe(toArray()))
  expect(entries.map(({ value }) => value)).toEqual([7, 7, 6])
})
