import { distinctUntilChanged, firstValueFrom, map } from 'rxjs'
import { type KVStore, text, zookeeperStore } from 'rxkeeper'
import {
  type FaultProxy,
  inflictFaults,
  type StoreFault,
  startProxy,
  type ZooKeeperServer,
} from 'rxkeeper/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { patience } from '../faults/support/knobs.ts'
import { startServer } from '../faults/support/servers.ts'
import { until } from '../faults/support/until.ts'
import { freshRoot } from '../setup/fresh-root.ts'

let server: ZooKeeperServer

beforeAll(async () => {
  server = await startServer()
}, patience)
afterAll(() => server?.stop())

const open = (servers: string, root: string): KVStore<string> =>
  zookeeperStore({ servers, root, value: text, sessionTimeout: 4000 })

/** Inflicts the faults, and tells which states a store went through, and whether its session is still the one before. */
async function inflicted(
  faults: readonly StoreFault[],
  look: (all: {
    store: KVStore<string>
    other: KVStore<string>
    proxy: FaultProxy
    states: string[]
  }) => Promise<unknown>,
  scale = 1,
): Promise<{ states: string[]; sameSession: boolean }> {
  const root = freshRoot('inflicted')
  await using proxy = await startProxy(server.servers)
  await using other = open(server.servers, root)
  await using store = open(proxy.servers, root)
  await firstValueFrom(other.put$('k', 'before'))
  await firstValueFrom(store.get$('k'))
  const [session] = await server.sessions(proxy)
  const states: string[] = []
  store.status$
    .pipe(
      map(({ state }) => state),
      distinctUntilChanged(),
    )
    .subscribe(state => states.push(state))
  const otherWrite = (key: string) => firstValueFrom(other.put$(key, 'by another'))
  const done = inflictFaults(faults, { server, proxy, scale, otherWrite })
  await look({ store, other, proxy, states })
  await done
  // The state may not have been noticed yet; an answer tells that all is well.
  await firstValueFrom(store.get$('k'))
  await until('it is connected', () => states.at(-1) === 'connected')
  return { states: [...states], sameSession: (await server.sessions(proxy)).includes(session!) }
}

test('sessions are told apart by the proxy through which they come', async () => {
  const root = freshRoot('inflicted')
  await using one = await startProxy(server.servers)
  await using two = await startProxy(server.servers)
  await using first = open(one.servers, root)
  await using second = open(two.servers, root)
  await firstValueFrom(first.get$('k'))
  await firstValueFrom(second.get$('k'))
  const [sessions, ofOne, ofTwo] = await Promise.all([
    server.sessions(),
    server.sessions(one),
    server.sessions(two),
  ])
  expect([ofOne.length, ofTwo.length]).toEqual([1, 1])
  expect(sessions).toEqual(expect.arrayContaining([...ofOne, ...ofTwo]))
  expect(ofOne).not.toEqual(ofTwo)
})

test('suspended: the connection goes, the session stays', async () => {
  const { states, sameSession } = await inflicted(
    [{ type: 'suspended', at: 0, lasts: 200, unanswered: 'dropped' }],
    ({ states }) => until('it is suspended', () => states.includes('suspended')),
  )
  expect(states).toEqual(['connected', 'suspended', 'connected'])
  expect(sameSession).toBe(true)
})

test('lost: the session goes too', async () => {
  const { states, sameSession } = await inflicted(
    [{ type: 'lost', at: 0, lasts: 200, unanswered: 'dropped' }],
    ({ states }) => until('it is suspended', () => states.includes('suspended')),
  )
  expect(states).toEqual(['connected', 'suspended', 'lost', 'connected'])
  expect(sameSession).toBe(false)
})

test.each([
  ['done', 'now'],
  ['dropped', 'before'],
] as const)('what is on its way in the first half of an outage is %s', async (unanswered, expected) => {
  await inflicted(
    [{ type: 'suspended', at: 0, lasts: 1000, unanswered }],
    async ({ store, other, proxy, states }) => {
      const written = firstValueFrom(store.put$('k', 'now'))
      const seen = () => firstValueFrom(other.get$('k'))
      if (unanswered === 'done') await until('it is written', async () => (await seen()) === 'now')
      else await until('it is suspended', () => states.includes('suspended'))
      expect(await seen()).toBe(expected)
      proxy.set()
      await written
    },
  )
})

test('slow, scaled: answers come later', async () => {
  await inflicted(
    [{ type: 'slow', at: 0, lasts: 20, by: 10 }],
    async ({ store }) => {
      const begun = performance.now()
      await firstValueFrom(store.get$('k'))
      expect(performance.now() - begun).toBeGreaterThan(190)
    },
    20,
  )
})

test('another client writes, in time', async () => {
  await inflicted([{ type: 'write', at: 50, key: 'k' }], async ({ other }) => {
    await until('it is written', async () => (await firstValueFrom(other.get$('k'))) === 'by another')
  })
})

test('what goes wrong with the other client is told', async () => {
  await using proxy = await startProxy(server.servers)
  const faults: StoreFault[] = [
    { type: 'write', at: 0, key: 'k' },
    { type: 'slow', at: 5, lasts: 20, by: 1 },
  ]
  const otherWrite = () => Promise.reject(new Error('boom'))
  await expect(inflictFaults(faults, { server, proxy, otherWrite })).rejects.toThrow('boom')
})

test('a fault that is none is refused at once', async () => {
  await using proxy = await startProxy(server.servers)
  const faults = [{ type: 'slow', at: 0, lasts: 0, by: 1 }] as StoreFault[]
  await expect(inflictFaults(faults, { server, proxy })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
})
