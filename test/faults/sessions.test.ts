import { firstValueFrom } from 'rxjs'
import { type AnyStore, json, type KVStore, text, type ZooKeeperStoreOptions, zookeeperStore } from 'rxkeeper'
import { startProxy, type ZooKeeperServer } from 'rxkeeper/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshRoot } from '../setup/fresh-root.ts'
import { patience, spell, times } from './support/knobs.ts'
import { seeded } from './support/random.ts'
import { startServer } from './support/servers.ts'
import { until } from './support/until.ts'
import { verify } from './support/verdict.ts'
import { isConnected, Workload } from './support/workload.ts'

/*
 * Sessions that expire at every moment, and event loops and watches that are held up.
 */

const random = seeded('sessions')
let server: ZooKeeperServer

beforeAll(async () => {
  server = await startServer()
}, patience)
afterAll(() => server?.stop())

const open = (options: Partial<ZooKeeperStoreOptions<string>>): KVStore<string> =>
  zookeeperStore({
    servers: server.servers,
    value: text,
    root: '/sessions',
    sessionTimeout: 2000,
    ...options,
  })

async function expireAll(): Promise<void> {
  for (const session of await server.sessions()) await server.expireSession(session)
}

/** The states that a store went through, so far; what it tells of further attempts left out. */
function statesOf(store: AnyStore): string[] {
  const states: string[] = []
  store.status$.subscribe(({ state }) => {
    if (state !== states.at(-1)) states.push(state)
  })
  return states
}

describe('a session that expires', () => {
  it('while nothing is asked for is followed by another', async () => {
    await using store = open({ root: freshRoot('session') })
    await firstValueFrom(store.put$('k', 'v'))
    const states = statesOf(store)
    await expireAll()
    await until('it is back', () => states.at(-1) === 'connected' && states.length > 1)
    expect(states).toEqual(['connected', 'suspended', 'lost', 'connected'])
    expect(await firstValueFrom(store.get$('k'))).toBe('v')
  })

  it(
    'in the middle of everything loses nothing',
    async () => {
      const choices = random.fork()
      const root = freshRoot('session')
      await using workload = await Workload.start(server.servers, root, choices.fork())
      for (let i = 0; i < times(8, 60); i++) {
        await workload.proceed()
        for (const session of choices.shuffled(await server.sessions()).slice(0, 3)) {
          await server.expireSession(session)
        }
      }
      await workload.proceed()
      await workload.finish()
      console.log('sessions expire', await verify(workload, server.servers, root))
    },
    patience,
  )

  it(
    'in a commit leaves all of it or nothing',
    async () => {
      await using store = zookeeperStore({
        servers: server.servers,
        root: freshRoot('session'),
        value: json<number>(),
        sessionTimeout: 2000,
      })
      const keys = ['a', 'b', 'c']
      let done = 0
      let running = true
      const counting = (async () => {
        while (running) {
          const entries = await firstValueFrom(store.entryAll$(keys))
          const ifVersion = entries.get('a')?.version ?? 'absent'
          const value = (entries.get('a')?.value ?? 0) + 1
          const writes = keys.map(key => ({ type: 'put', key, value, ifVersion }) as const)
          // Never INDETERMINATE: what became of it is found out on the next session.
          await firstValueFrom(store.transact$(writes))
          done++
        }
      })()
      for (let i = 0; i < times(10, 60); i++) {
        const enough = done + 20
        await Promise.race([counting, until('commits go on', () => done >= enough)])
        await expireAll()
      }
      running = false
      await counting
      const values = await firstValueFrom(store.getAll$(keys))
      expect([...values]).toEqual(keys.map(key => [key, done]))
    },
    patience,
  )
})

describe('an outage', () => {
  /** A store with an outage, in which `meanwhile` happens, another without, and what the first shows. */
  async function outage(
    expires: boolean,
    before: (other: KVStore<string>) => Promise<unknown>,
    meanwhile: (other: KVStore<string>) => Promise<unknown>,
  ): Promise<{ readonly watched: unknown[]; readonly changes: unknown[] }> {
    const root = freshRoot('session')
    await using proxy = await startProxy(server.servers)
    await using other = open({ root })
    await before(other)
    await using store = open({ root, servers: proxy.servers })
    const watched: unknown[] = []
    const changes: unknown[] = []
    store.watch$('k').subscribe(value => watched.push(value))
    store.changes$().subscribe(change => changes.push(change.type === 'put' ? change.value : change.type))
    await until('it is in sync', () => changes.includes('synced') && watched.length > 0)
    proxy.set({ connect: 'reset' })
    proxy.reset()
    await until('it is away', () => !isConnected(store))
    await meanwhile(other)
    if (expires) {
      // Its own clock tells that the session must be over; the server is told so, too.
      await until('it is lost', async () => (await firstValueFrom(store.status$)).state === 'lost')
    }
    proxy.set()
    await until('it is in sync again', () => changes.filter(change => change === 'synced').length > 1)
    await firstValueFrom(other.put$('end', 'end'))
    await until('news is seen', () => changes.at(-1) === 'end')
    await firstValueFrom(store.get$('k'))
    return { watched, changes: changes.slice(0, -1) }
  }

  const put = (value: string) => (store: KVStore<string>) => firstValueFrom(store.put$('k', value))
  const remove = (store: KVStore<string>) => firstValueFrom(store.delete$('k'))

  for (const expires of [false, true]) {
    const how = expires ? ', in which the session expires,' : ''

    it(`${how} with a delete and a recreate at the same version is seen as a change`, async () => {
      const { watched, changes } = await outage(expires, put('old'), async other => {
        await remove(other)
        await put('new')(other)
      })
      expect(watched).toEqual(['old', 'new'])
      expect(changes).toEqual(['old', 'synced', 'new', 'synced'])
    })

    it(`${how} with a recreate of the same value at the same version is, too`, async () => {
      const { watched, changes } = await outage(expires, put('same'), async other => {
        await remove(other)
        await put('same')(other)
      })
      expect(watched).toEqual(['same', 'same'])
      expect(changes).toEqual(['same', 'synced', 'same', 'synced'])
    })

    it(`${how} with a create and a delete ends absent, and the stream goes on`, async () => {
      const { watched, changes } = await outage(
        expires,
        async () => {},
        async other => {
          await put('short')(other)
          await remove(other)
        },
      )
      expect(watched).toEqual([undefined])
      expect(changes).toEqual(['synced', 'synced'])
    })

    it(`${how} with a delete is seen`, async () => {
      const { watched, changes } = await outage(expires, put('old'), remove)
      expect(watched).toEqual(['old', undefined])
      expect(changes).toEqual(['old', 'synced', 'delete', 'synced'])
    })
  }

  it(
    'that follows while the last is made up for loses nothing',
    async () => {
      const choices = random.fork()
      const root = freshRoot('session')
      const keys = Array.from({ length: 3000 }, (_, i) => `k${i}`)
      await using proxy = await startProxy(server.servers)
      await using other = open({ root })
      await Promise.all(keys.map(key => firstValueFrom(other.put$(key, '0'))))
      await using store = open({ root, servers: proxy.servers })
      const watched = new Map<string, string | undefined>()
      const fold = new Map<string, string>()
      for (const key of keys) store.watch$(key).subscribe(value => watched.set(key, value))
      store.changes$().subscribe(change => {
        if (change.type === 'put') fold.set(change.key, change.value)
        else if (change.type === 'delete') fold.delete(change.key)
      })
      await until('all is there', () => watched.size === keys.length && fold.size === keys.length)
      const end = performance.now() + spell(0)
      let round = 0
      do {
        round++
        proxy.set({ connect: 'reset' })
        proxy.reset()
        for (const key of choices.shuffled(keys).slice(0, 50)) {
          if (choices.chance(0.3)) await firstValueFrom(other.delete$(key))
          else await firstValueFrom(other.put$(key, `${round}`))
        }
        // Each connection ends in the middle of reading again what is watched.
        for (let i = 0; i < 5; i++) {
          const connections = proxy.connections
          proxy.set({ toClient: { resetAfter: choices.whole(100, 300_000) } })
          await until('it tries again', () => proxy.connections > connections)
        }
        proxy.set()
        const truth = new Map<string, string>()
        await other.entries$().forEach(({ key, value }) => void truth.set(key, value))
        const differing = () =>
          keys.filter(key => watched.get(key) !== truth.get(key) || fold.get(key) !== truth.get(key))
        await until(
          () => `all is made up for; not ${differing().slice(0, 3)}`,
          () => differing().length === 0,
        )
      } while (performance.now() < end)
    },
    patience,
  )

  it(
    'under 100,000 watched keys is made up for',
    async () => {
      const root = freshRoot('session')
      const count = times(20_000, 100_000)
      const keys = Array.from({ length: count }, (_, i) => `watched-${i}`)
      await using proxy = await startProxy(server.servers)
      await using other = open({ root })
      await Promise.all(keys.map(key => firstValueFrom(other.put$(key, 'old'))))
      await using store = open({ root, servers: proxy.servers, sessionTimeout: 10_000 })
      const seen = new Map<string, (string | undefined)[]>()
      for (const key of keys) {
        const log: (string | undefined)[] = []
        seen.set(key, log)
        store.watch$(key).subscribe(value => log.push(value))
      }
      const all = (value: string, of: readonly string[]) => of.every(key => seen.get(key)!.at(-1) === value)
      await until('all are shown', () => all('old', keys))
      const states = statesOf(store)
      const changing = keys.filter((_, i) => i % 100 === 7)
      proxy.set({ connect: 'reset' })
      proxy.reset()
      await Promise.all(changing.map(key => firstValueFrom(other.put$(key, 'new'))))
      proxy.set()
      await until('the changes are shown', () => all('new', changing))
      expect(states).toEqual(['connected', 'suspended', 'connected'])
      // Nothing was shown twice.
      for (const [key, log] of seen) expect([key, log.length]).toEqual([key, changing.includes(key) ? 2 : 1])
    },
    patience,
  )
})

describe('an event loop that is held up for longer than the session lasts', () => {
  it(
    'finds all as it was, or a new session',
    async () => {
      const root = freshRoot('session')
      await using other = open({ root, sessionTimeout: 10_000 })
      await using store = open({ root, sessionTimeout: 1000, cache: 10 })
      const watched: unknown[] = []
      store.watch$('k').subscribe(value => watched.push(value))
      await firstValueFrom(store.put$('k', 'a'))
      for (let i = 0; i < times(2, 8); i++) {
        const answers = Promise.all([
          firstValueFrom(other.put$('k', `b${i}`)),
          firstValueFrom(store.put$('mine', `${i}`)),
          firstValueFrom(store.get$('k')),
        ])
        const end = performance.now() + 2500
        while (performance.now() < end);
        await answers
        await until('the watch shows it', () => watched.at(-1) === `b${i}`)
        expect(await firstValueFrom(store.get$('k'))).toBe(`b${i}`)
        expect(await firstValueFrom(store.get$('mine'))).toBe(`${i}`)
      }
    },
    patience,
  )
})
