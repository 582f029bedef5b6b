import { concatMap, firstValueFrom, from, lastValueFrom, map, toArray } from 'rxjs'
import { json, type KVStore, processKV, zookeeperStore } from 'rxkeeper'
import { startZooKeeper, type ZooKeeperServer } from 'rxkeeper/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { age, systemProperties } from './aging.ts'

const ENDS = [
  [2 ** 31 - 1, -(2 ** 31)],
  [-2, 0],
] as const
const USES = ['put', 'updates', 'loop', 'watch', 'delete']

let server: ZooKeeperServer
let store: KVStore<number>
const open = () => zookeeperStore({ servers: server.servers, root: '/aged', value: json<number>() })

beforeAll(async () => {
  server = await startZooKeeper({ systemProperties })
  const keys = ENDS.flatMap(([before]) => USES.map(use => [`${use}${before}`, before] as const))
  await using young = open()
  await firstValueFrom(young.putAll$(keys.map(([key]) => [key, 0] as const)))
  await young.close()
  await age(server, Object.fromEntries(keys.map(([key, before]) => [`/aged/${key}`, before])))
  store = open()
})

afterAll(async () => {
  await store.close()
  await server.stop()
})

// On a server that goes from -2 to -1, where newer ones skip it.
describe.each(ENDS)('the version after %d is %d', (before, after) => {
  it('for conditional writes', async () => {
    const key = `put${before}`
    expect(await firstValueFrom(store.entry$(key))).toEqual({ key, value: 0, version: before })
    await expect(firstValueFrom(store.put$(key, 1, { ifVersion: after }))).rejects.toMatchObject({
      code: 'VERSION_CONFLICT',
    })
    const first = await firstValueFrom(store.put$(key, 1, { ifVersion: before }))
    expect(first.version).toBe(after)
    expect((await firstValueFrom(store.put$(key, 2, { ifVersion: after }))).version).toBe(after + 1)
    expect(await firstValueFrom(store.entry$(key))).toEqual({ key, value: 2, version: after + 1 })
    const gone = `delete${before}`
    expect(await firstValueFrom(store.delete$(gone, { ifVersion: before }))).toBe(true)
  })

  it('for updates, several at a time', async () => {
    const updates = [1, 2, 3].map(() =>
      firstValueFrom(store.update$(`updates${before}`, count => count! + 1)),
    )
    expect((await Promise.all(updates)).map(entry => [entry!.value, entry!.version])).toEqual([
      [1, after],
      [2, after + 1],
      [3, after + 2],
    ])
  })

  it('for a process loop', async () => {
    const counts$ = from([1, 2, 3]).pipe(
      concatMap(n =>
        from([n]).pipe(
          processKV(
            store,
            () => `loop${before}`,
            (_, count = 0) => count + 1,
          ),
        ),
      ),
      map(([, count]) => count),
      toArray(),
    )
    expect(await lastValueFrom(counts$)).toEqual([1, 2, 3])
  })

  it('for a watch', async () => {
    const key = `watch${before}`
    const seen: (number | undefined)[] = []
    const subscription = store.watch$(key).subscribe(value => seen.push(value))
    for (const value of [1, 2, 3]) {
      await firstValueFrom(store.update$(key, () => value))
      await expect.poll(() => seen.at(-1)).toBe(value)
    }
    subscription.unsubscribe()
  })
})
