import { filter, firstValueFrom } from 'rxjs'
import { json, openStore, type Status, zookeeperStore } from 'rxkeeper'
import type { ZooKeeperServer } from 'rxkeeper/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { all, fails, one, Recorder } from '../../src/testing/contract/assertions.ts'
import { startServer } from '../faults/support/servers.ts'
import { freshRoot } from '../setup/fresh-root.ts'
import { keysOf } from './memories.ts'

const value = json<number>()
const TIMEOUT = 2000

let servers: [ZooKeeperServer, ZooKeeperServer]
beforeAll(async () => {
  servers = await Promise.all([startServer(), startServer()])
})
afterAll(() => Promise.all(servers.map(server => server.stop())))

const ensemblesOf = () => servers.map(server => server.servers)
const isConnected = ({ state }: Status) => state === 'connected'

test.each([
  ['killed', 'kill', 'restart'],
  ['frozen', 'pause', 'resume'],
] as const)('one of two servers is %s: the keys of the other go on at full rate', async (_, stop, start) => {
  const root = freshRoot('outage')
  await using store = zookeeperStore({
    ensembles: ensemblesOf(),
    root,
    value,
    timeout: TIMEOUT,
    sessionTimeout: 4000,
    cache: 100,
  })
  const [live, dead] = keysOf(2, 300) as [string[], string[]]
  await Promise.all([...live, ...dead].map(key => one(store.put$(key, 0))))
  using changes = new Recorder(store.changes$())
  using watch = new Recorder(store.watch$(live[0]!))
  await changes.untilLast({ type: 'synced' })

  /** How many updates of the live half are done in a while. */
  const rate = async (): Promise<number> => {
    let done = 0
    const end = performance.now() + 1500
    const count = async (key: string) => {
      while (performance.now() < end) {
        await one(store.update$(key, n => n! + 1))
        done++
      }
    }
    await Promise.all(live.slice(0, 100).map(count))
    return done
  }
  await rate() // warms up
  const before = await rate()
  await servers[1][stop]()
  // More than there are slots for requests, by single writes, transactions and reads.
  const stuck = dead.flatMap(key => [
    fails(store.put$(key, 1), 'TIMEOUT', 'INDETERMINATE'),
    fails(
      store.update$(key, () => 1),
      'TIMEOUT',
      'INDETERMINATE',
    ),
  ])
  const begun = performance.now()
  const during = await rate()
  await Promise.all(stuck)
  expect(performance.now() - begun).toBeLessThan(TIMEOUT + 1500)
  console.log(`${before} updates before, ${during} while the other server is away`)
  // A machine that others use has its moods; a half that waits for the other would come to a hundredth.
  expect(during).toBeGreaterThan(before / 2)
  const status = await firstValueFrom(store.status$.pipe(filter(status => !isConnected(status))))
  expect(status.reason).toContain(`(${servers[1].servers})`)
  const newest = await one(store.get$(live[0]!))
  await watch.untilLast(newest)
  // A listing is of all.
  await fails(store.keys$(), 'TIMEOUT')

  await servers[1][start]()
  await firstValueFrom(store.status$.pipe(filter(isConnected)))
  await one(store.put$(dead[0]!, 42, { timeout: 20_000 }))
  expect(await one(store.get$(dead[0]!))).toBe(42)
  await changes.until(({ values }) => values.filter(({ type }) => type === 'synced').length === 2)
  await using other = zookeeperStore({ ensembles: ensemblesOf(), root, value })
  expect(await all(store.entries$())).toEqual(await all(other.entries$()))
})

test('the order, the number and the hash of the ensembles are recorded; the URL names them', async () => {
  const root = freshRoot('outage')
  const [first, second] = ensemblesOf() as [string, string]
  await using store = openStore(`zookeeper://${first};${second}${root}`, { value })
  await Promise.all(['a', 'b', 'c', 'd'].map(key => one(store.put$(key, 1))))
  for (const ensembles of [[second, first], [first], [first, second, `${first},${second}`]]) {
    await using other = zookeeperStore({ ensembles, root, value })
    const { message } = await fails(other.keys$(), 'INVALID_ARGUMENT')
    expect(message).toMatch(
      /holds the keys of shard \d of 2 by murmur3 tag, this store was opened with it as shard \d of \d/,
    )
  }
  const shardBy = { name: 'mine', of: (key: string) => key }
  await using other = zookeeperStore({ ensembles: [first, second], shardBy, root, value })
  expect((await fails(other.get$('a'), 'INVALID_ARGUMENT')).message).toContain('by murmur3 mine')
})

test('servers and ensembles exclude each other', () => {
  const invalid = expect.objectContaining({ code: 'INVALID_ARGUMENT' })
  for (const options of [
    { servers: 'a', ensembles: ['b'] },
    { ensembles: [] },
    { ensembles: 'a' as never },
    { ensembles: ['a', 'b:x'] },
    { servers: 'a', shardBy: { name: 'x', of: String } },
    { ensembles: ['a'], shardBy: { name: '', of: String } },
    {},
  ]) {
    expect(() => zookeeperStore({ ...options, root: '/r', value })).toThrow(invalid)
  }
})
