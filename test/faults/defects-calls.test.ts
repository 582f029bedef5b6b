import { config, firstValueFrom } from 'rxjs'
import {
  json,
  KVError,
  type KVStore,
  kvStore,
  text,
  type ZooKeeperStoreOptions,
  zookeeperStore,
} from 'rxkeeper'
import { startProxy, type ZooKeeperServer } from 'rxkeeper/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshRoot } from '../setup/fresh-root.ts'
import { openEngine } from '../zookeeper/opening.ts'
import { ScriptedServer } from '../zookeeper/scripted-server.ts'
import { changed, oblige } from './support/answers.ts'
import { patience } from './support/knobs.ts'
import { called, connectPlain, type PlainClient, plain } from './support/plain.ts'
import { PlainChild } from './support/plain-child.ts'
import { startServer } from './support/servers.ts'
import { until } from './support/until.ts'

/*
 * The defects of node-zookeeper-client 1.1.3 that have to do with its calls, by their numbers in the README: each as it
 * is there, and that it can not be met through rxkeeper.
 */

let server: ZooKeeperServer

beforeAll(async () => {
  server = await startServer()
}, patience)
afterAll(() => server?.stop())

const open = (options: Partial<ZooKeeperStoreOptions<string>> = {}): KVStore<string> =>
  zookeeperStore({ servers: server.servers, root: freshRoot('defect'), value: text, ...options })

const create = (client: PlainClient, path: string, data = 'v'): Promise<string> =>
  called<string>(done => client.create(path, Buffer.from(data), plain.CreateMode.PERSISTENT, done))

const codeOf = async (answer: Promise<unknown>): Promise<string> =>
  answer.then(
    () => 'done',
    error => (error instanceof KVError ? error.code : String(error)),
  )

describe('5: all watches are restored in one packet, which the server refuses', () => {
  const KEYS = Array.from({ length: 30_000 }, (_, i) => `a-key-that-is-watched-${i}`)
  const root = freshRoot('defect')

  beforeAll(async () => {
    await using store = zookeeperStore({ servers: server.servers, root, value: text })
    await Promise.all(KEYS.map(key => firstValueFrom(store.put$(key, 'v'))))
  }, patience)

  it('plain', async () => {
    await using proxy = await startProxy(server.servers)
    const client = await connectPlain(proxy.servers, { spinDelay: 20 })
    const read = (key: string) =>
      called(done =>
        client.getData(
          `${root}/${key}`,
          () => {},
          (error, data) => done(error, data),
        ),
      )
    await Promise.all(KEYS.map(read))
    let losses = 0
    client.on('disconnected', () => losses++)
    proxy.reset()
    await until('it goes round and round', () => losses > 5)
    client.close()
  })

  it('rxkeeper', async () => {
    await using proxy = await startProxy(server.servers)
    await using store = open({ servers: proxy.servers, root })
    let losses = -1
    store.status$.subscribe(({ state }) => state === 'suspended' && losses++)
    const last = new Map<string, string | undefined>()
    for (const key of KEYS) store.watch$(key).subscribe(value => last.set(key, value))
    await until('all are read', () => last.size === KEYS.length)
    proxy.reset()
    await until('the connection is lost', () => losses === 1)
    for (const key of KEYS.slice(-3)) await firstValueFrom(store.put$(key, 'w'))
    await until('the changes are seen', () => KEYS.slice(-3).every(key => last.get(key) === 'w'))
    expect(losses).toBe(1)
  })
})

describe('8: an error code that it does not know kills the process', () => {
  it.each([-125, -127, -118])('plain, %i', async code => {
    await using scripted = await ScriptedServer.start({ answer: asked => asked.reply(code) })
    using child = new PlainChild(scripted.servers, 'reads')
    await until('it dies', () => child.ended !== undefined)
    expect([child.ended, child.said]).toEqual([1, []])
  })

  it.each([
    [-125, 'QUOTA'],
    [-127, 'TIMEOUT'],
    [-118, 'TIMEOUT'],
    [-4711, 'ENGINE'],
  ])('rxkeeper, %i', async (code, expected) => {
    await using scripted = await ScriptedServer.start({ answer: asked => asked.reply(code) })
    await using store = open({ servers: scripted.servers, root: '/', timeout: 300 })
    expect(await codeOf(firstValueFrom(store.get$('k')))).toBe(expected)
    scripted.script.answer = asked => oblige(asked)
    expect(await firstValueFrom(store.get$('k', { timeout: 10_000 }))).toBe('"v"')
  })
})

describe('9: a watcher that throws stops the answers that came with the event', () => {
  it('plain', async () => {
    let reads = 0
    await using scripted = await ScriptedServer.start({
      answer: asked => {
        // The event of the watch that the first read set, and the answer to the second, arrive together.
        if (++reads === 1) oblige(asked)
        else asked.socket.cork()
        if (reads === 1) return
        asked.socket.write(changed('/k'))
        oblige(asked)
        asked.socket.uncork()
      },
    })
    using child = new PlainChild(scripted.servers, 'has a watcher that throws')
    await until('it throws', () => child.said.includes('thrown by the watcher'))
    await until('nothing follows', () => reads === 2)
    expect(child.said).toEqual(['watching', 'thrown by the watcher'])
  })

  it('rxkeeper', async () => {
    const unhandled: unknown[] = []
    config.onUnhandledError = error => unhandled.push(error)
    try {
      await using store = open()
      const seen: unknown[] = []
      store.watch$('k').subscribe(value => {
        seen.push(value)
        throw new Error('thrown by the subscriber')
      })
      for (const value of ['a', 'b', 'c']) {
        const [, read] = await Promise.all([
          firstValueFrom(store.put$('k', value)),
          firstValueFrom(store.get$('k')),
        ])
        expect(read).toBe(value)
      }
      await until('the last is seen', () => seen.at(-1) === 'c')
      await until('RxJS tells of each', () => unhandled.length === seen.length)
    } finally {
      config.onUnhandledError = null
    }
  })
})

describe('10: request numbers end at 2³¹', () => {
  it('plain', async () => {
    const client = await connectPlain(server.servers)
    client.connectionManager.xid = 2 ** 31
    expect(() => client.getData('/', () => {})).toThrow(RangeError)
    client.connectionManager.xid = 1
    client.close()
  })

  it('rxkeeper', async () => {
    const engine = openEngine(server.servers, { root: freshRoot('defect'), firstXid: 2 ** 31 - 50 })
    await using store = kvStore(engine, { value: json<number>() })
    for (let i = 0; i < 100; i++) {
      await firstValueFrom(store.put$('k', i))
      expect(await firstValueFrom(store.get$('k'))).toBe(i)
    }
  })
})

describe('11: version 0 in a transaction is any version', () => {
  it('plain', async () => {
    const client = await connectPlain(server.servers)
    const path = await create(client, freshRoot('plain'))
    for (const value of ['w', 'x']) await called(done => client.setData(path, Buffer.from(value), -1, done))
    // Stale: the version is 2.
    await called(done => client.transaction().setData(path, Buffer.from('stale'), 0).commit(done))
    const data = await called<Buffer>(done => client.getData(path, (error, found) => done(error, found)))
    expect(data.toString()).toBe('stale')
    client.close()
  })

  it('rxkeeper', async () => {
    await using store = open()
    for (const value of ['v', 'w', 'x']) await firstValueFrom(store.put$('k', value))
    const stale = { type: 'put', key: 'k', value: 'stale', ifVersion: 0 } as const
    expect(await codeOf(firstValueFrom(store.transact$([stale])))).toBe('VERSION_CONFLICT')
    expect(await codeOf(firstValueFrom(store.put$('k', 'stale', { ifVersion: 0 })))).toBe('VERSION_CONFLICT')
    expect(await codeOf(firstValueFrom(store.delete$('k', { ifVersion: 0 })))).toBe('VERSION_CONFLICT')
    expect(await firstValueFrom(store.get$('k'))).toBe('x')
  })
})

describe('12: what is called recursive goes one level down', () => {
  it('plain', async () => {
    const client = await connectPlain(server.servers)
    const path = await create(client, freshRoot('plain'))
    for (const below of ['/a', '/a/b', '/a/b/c']) await create(client, path + below)
    expect(await called<string[]>(done => client.listSubTreeBFS(path, done))).not.toContain(`${path}/a/b`)
    await expect(called(done => client.removeRecursive(path, done))).rejects.toThrow('NOT_EMPTY')
    client.close()
  })

  it('rxkeeper: keys are flat, listed and deleted all', async () => {
    await using store = open()
    const keys = ['a', 'a/b', 'a/b/c']
    for (const key of keys) await firstValueFrom(store.put$(key, 'v'))
    const listed: string[] = []
    await store.keys$().forEach(key => void listed.push(key))
    expect(listed).toEqual(keys)
    expect(await firstValueFrom(store.deleteAll$(listed))).toBe(3)
    expect(await firstValueFrom(store.keys$(), { defaultValue: 'none' })).toBe('none')
  })
})

describe('13: its size limit is above the server’s', () => {
  it('plain', async () => {
    const client = await connectPlain(server.servers, { spinDelay: 20 })
    const path = await create(client, freshRoot('plain'))
    const writing = called(done => client.setData(path, Buffer.alloc(1_048_576), -1, done))
    await expect(writing).rejects.toThrow('CONNECTION_LOSS')
    client.close()
  })

  it('rxkeeper', async () => {
    await using store = open()
    let losses = -1
    store.status$.subscribe(({ state }) => state === 'suspended' && losses++)
    await firstValueFrom(store.put$('k', 'v'))
    expect(await codeOf(firstValueFrom(store.put$('k', 'x'.repeat(1_048_576))))).toBe('VALUE_TOO_LARGE')
    expect(await firstValueFrom(store.get$('k'))).toBe('v')
    expect(losses).toBe(0)
  })
})

describe('14: calls in the wrong moment throw', () => {
  it('plain', async () => {
    const client = await connectPlain(server.servers)
    expect(() => client.setData('/', null, -1, () => {})).toThrow(TypeError)
    client.close()
    const early = plain.createClient(server.servers)
    // It writes to a socket that is not there.
    expect(() => early.close()).toThrow(TypeError)
  })

  it('rxkeeper', async () => {
    const store = open()
    expect(await codeOf(firstValueFrom(store.put$('k', undefined as unknown as string)))).toBe(
      'INVALID_ARGUMENT',
    )
    expect(await codeOf(firstValueFrom(store.put$('k', null as unknown as string)))).toBe('CODEC')
    await store.close()
    await open().close()
  })
})

describe('16: repeating what was sent makes its own create fail', () => {
  it('plain', async () => {
    await using proxy = await startProxy(server.servers)
    const client = await connectPlain(proxy.servers, { retries: 3, spinDelay: 20 })
    const path = freshRoot('plain')
    const witness = await connectPlain(server.servers)
    proxy.set({ toClient: { cut: true } })
    const creating = create(client, path).catch(error => error)
    await until('it is created', () =>
      create(witness, `${path}/x`).then(
        () => true,
        () => false,
      ),
    )
    proxy.reset()
    proxy.set()
    expect(String(await creating)).toContain('NODE_EXISTS')
    client.close()
    witness.close()
  })

  it('rxkeeper', async () => {
    await using proxy = await startProxy(server.servers)
    const root = freshRoot('defect')
    await using witness = open({ root })
    await firstValueFrom(witness.put$('other', 'v'))
    await using store = open({ servers: proxy.servers, root })
    expect(await firstValueFrom(store.get$('k'))).toBeUndefined()
    proxy.set({ toClient: { cut: true } })
    const creating = firstValueFrom(store.put$('k', 'v', { ifVersion: 'absent' }))
    await until('it is created', async () => (await firstValueFrom(witness.get$('k'))) === 'v')
    proxy.reset()
    proxy.set()
    expect(await creating).toEqual({ key: 'k', value: 'v', version: 0 })
  })
})

describe('17: watchers can not be taken back', () => {
  it('plain', async () => {
    const client = await connectPlain(server.servers)
    const path = await create(client, freshRoot('plain'))
    const read = () =>
      called(done =>
        client.getData(
          path,
          () => {},
          (error, data) => done(error, data),
        ),
      )
    await Promise.all(Array.from({ length: 10 }, read))
    const { dataWatchers } = client.connectionManager.watcherManager
    expect(dataWatchers[path]!.listeners('notification')).toHaveLength(10)
    expect(
      Object.keys(Object.getPrototypeOf(client)).filter(name => /unwatch|removeWatch/i.test(name)),
    ).toEqual([])
    client.close()
  })

  it('rxkeeper', async () => {
    await using store = open()
    const watches = async () => /Total watches:(\d+)/.exec(await server.fourLetterWord('wchs'))![1]
    await firstValueFrom(store.get$('k'))
    const before = await watches()
    const subscriptions = Array.from({ length: 100 }, (_, i) => store.watch$(`k${i % 10}`).subscribe())
    await until('there is a watch', async () => (await watches()) !== before)
    for (const subscription of subscriptions) subscription.unsubscribe()
    await until('there is none', async () => (await watches()) === before)
  })
})

describe('19: no IPv6 literals, no sync, no addWatch, no multiRead', () => {
  it('plain', () => {
    const client = plain.createClient('[::1]:2181') as unknown as Record<string, unknown> & PlainClient
    expect((client.connectionManager as unknown as { servers: { host: string }[] }).servers[0]!.host).toBe(
      '[',
    )
    for (const name of ['sync', 'addWatch', 'multiRead', 'create2']) expect(client[name]).toBeUndefined()
  })

  it('rxkeeper', async () => {
    await using store = open({ servers: `[::1]:${server.port}`, consistency: 'linearizable' })
    await firstValueFrom(store.put$('k', 'v'))
    expect(await firstValueFrom(store.get$('k'))).toBe('v')
  })
})
