import { setTimeout as sleep } from 'node:timers/promises'
import { firstValueFrom, retry } from 'rxjs'
import {
  type AnyStore,
  bytes,
  json,
  type KVStore,
  type ZooKeeperStoreOptions,
  zookeeperStore,
} from 'rxkeeper'
import { startProxy, type ZooKeeperServer } from 'rxkeeper/testing'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { freshRoot } from '../setup/fresh-root.ts'
import { ScriptedServer } from '../zookeeper/scripted-server.ts'
import { ADD_WATCH, AUTH, changed, GET_DATA, MULTI_READ, oblige } from './support/answers.ts'
import { patience } from './support/knobs.ts'
import { called, connectPlain, type PlainClient, plain } from './support/plain.ts'
import { PlainChild } from './support/plain-child.ts'
import { startServer } from './support/servers.ts'
import { until } from './support/until.ts'
import { isConnected } from './support/workload.ts'

/*
 * The defects of node-zookeeper-client 1.1.3 that have to do with its connection, by their numbers in the README: each
 * as it is there, and that it can not be met through rxkeeper, which uses that connection.
 */

let server: ZooKeeperServer

beforeAll(async () => {
  // Sessions may be short, so that the plain client need not be waited for long.
  server = await startServer({ tickTime: 200 })
}, patience)
afterAll(() => server?.stop())

/** How long the sessions of plain clients last, in milliseconds; what never happens is waited for three times as long. */
const PLAIN_SESSION = 500

const open = (servers: string, options: Partial<ZooKeeperStoreOptions<number>> = {}): KVStore<number> =>
  zookeeperStore({
    servers,
    root: freshRoot('defect'),
    value: json<number>(),
    sessionTimeout: 1500,
    ...options,
  })

/** How often the connection went, so far. */
function countLosses(store: AnyStore): { readonly count: number } {
  const losses = { count: 0 }
  store.status$.subscribe(({ state }) => {
    if (state === 'suspended') losses.count++
  })
  return losses
}

const get = (client: PlainClient, path: string): Promise<Buffer> =>
  called(done => client.getData(path, (error, data) => done(error, data)))

const set = (client: PlainClient, path: string, data: Buffer): Promise<unknown> =>
  called(done => client.setData(path, data, -1, done))

/** A plain client with a node of its own. */
async function plainNode(servers: string, data = Buffer.from('1')): Promise<[PlainClient, string]> {
  const client = await connectPlain(servers, { sessionTimeout: PLAIN_SESSION, spinDelay: 20 })
  const path = freshRoot('plain')
  await called<string>(done => client.create(path, data, plain.CreateMode.PERSISTENT, done))
  return [client, path]
}

describe('1: a frozen server is never noticed', () => {
  it('plain', async () => {
    const [client, path] = await plainNode(server.servers)
    server.pause()
    let answered = false
    client.getData(path, () => {
      answered = true
    })
    await sleep(3 * PLAIN_SESSION)
    expect([client.getState().name, answered]).toEqual(['SYNC_CONNECTED', false])
    server.resume()
    client.close()
  })

  it('rxkeeper', async () => {
    await using store = open(server.servers)
    await firstValueFrom(store.put$('k', 1))
    server.pause()
    try {
      const reading = firstValueFrom(store.get$('k', { timeout: 30_000 }))
      await until('it is noticed', () => !isConnected(store))
      server.resume()
      expect(await reading).toBe(1)
    } finally {
      server.resume()
    }
  })
})

describe('2: half a reply of a lost connection corrupts the next', () => {
  const value = Buffer.alloc(1_000_000, 'half')

  it('plain', async () => {
    await using proxy = await startProxy(server.servers)
    const [client, path] = await plainNode(proxy.servers, value)
    proxy.set({ toClient: { resetAfter: 500_000 } })
    await expect(get(client, path)).rejects.toThrow('CONNECTION_LOSS')
    proxy.set()
    let connected = false
    client.once('connected', () => {
      connected = true
    })
    await until('it comes back', () => proxy.connections > 1)
    await sleep(3 * PLAIN_SESSION)
    expect(connected).toBe(false)
    client.close()
  })

  it('rxkeeper', async () => {
    await using proxy = await startProxy(server.servers)
    await using store = zookeeperStore({ servers: proxy.servers, root: freshRoot('defect'), value: bytes })
    const losses = countLosses(store)
    await firstValueFrom(store.put$('k', value))
    for (let i = 1; i <= 5; i++) {
      proxy.set({ toClient: { resetAfter: 100_000 * i } })
      const reading = firstValueFrom(store.get$('k'))
      await until('the connection is lost', () => losses.count > i)
      proxy.set()
      expect(Buffer.compare((await reading)!, value)).toBe(0)
    }
  })
})

describe('3: a synchronous retry after a lost connection blocks the event loop for good', () => {
  it('plain', async () => {
    await using scripted = await ScriptedServer.start({ answer: () => {} })
    using child = new PlainChild(scripted.servers, 'retries at once')
    await until('it is alive', () => child.said.length > 5)
    scripted.reset()
    // What it had said before is on its way still.
    await sleep(500)
    const said = child.said.length
    await sleep(1000)
    expect([child.said.length, child.ended]).toEqual([said, undefined])
  })

  it('rxkeeper', async () => {
    let answers = false
    await using scripted = await ScriptedServer.start({
      answer: asked => answers && oblige(asked, Buffer.from('7')),
    })
    await using store = open(scripted.servers, { root: '/' })
    const losses = countLosses(store)
    const reading = firstValueFrom(store.get$('k', { timeout: 50 }).pipe(retry()))
    for (let i = 1; i <= 5; i++) {
      await until('it is connected', () => isConnected(store))
      scripted.reset()
      await until('the loss is told', () => losses.count > i)
    }
    answers = true
    expect(await reading).toBe(7)
  })
})

describe('4: after the session has expired the client is dead, and what was queued is never answered', () => {
  it('plain', async () => {
    await using scripted = await ScriptedServer.start({ greet: greeting => greeting.accept(0) })
    const client = plain.createClient(scripted.servers, { sessionTimeout: PLAIN_SESSION })
    let answered = false
    client.getData('/k', () => {
      answered = true
    })
    const expired = new Promise<void>(resolve => client.once('expired', resolve))
    client.connect()
    await expired
    scripted.script.greet = greeting => greeting.accept()
    scripted.reset()
    await sleep(3 * PLAIN_SESSION)
    expect([scripted.connections, answered]).toEqual([1, false])
  })

  it('rxkeeper', async () => {
    await using store = open(server.servers)
    await firstValueFrom(store.put$('k', 1))
    const states: string[] = []
    store.status$.subscribe(({ state }) => states.push(state))
    for (const session of await server.sessions()) await server.expireSession(session)
    expect(await firstValueFrom(store.get$('k'))).toBe(1)
    expect(states).toEqual(['connected', 'suspended', 'lost', 'connected'])
  })
})

describe('6: a session that only receives events expires', () => {
  const KEYS = 30

  it('plain', async () => {
    const [client, path] = await plainNode(server.servers)
    const losses: string[] = []
    client.on('disconnected', () => losses.push('disconnected'))
    const paths = Array.from({ length: KEYS }, (_, i) => `${path}/${i}`)
    for (const each of paths)
      await called<string>(done => client.create(each, null, plain.CreateMode.PERSISTENT, done))
    for (const each of paths)
      await called(done =>
        client.getData(
          each,
          () => {},
          (error, data) => done(error, data),
        ),
      )
    const writer = await connectPlain(server.servers)
    for (const each of paths) {
      await set(writer, each, Buffer.from('2'))
      await sleep(50)
    }
    expect(losses).not.toEqual([])
    client.close()
    writer.close()
  })

  it('rxkeeper', async () => {
    const root = freshRoot('defect')
    await using store = open(server.servers, { root })
    await using writer = open(server.servers, { root })
    const losses = countLosses(store)
    const seen: (number | undefined)[] = []
    store.watch$('k').subscribe(value => seen.push(value))
    for (let i = 0; i < KEYS; i++) {
      await firstValueFrom(writer.put$('k', i))
      await sleep(50)
    }
    await until('the last is seen', () => seen.at(-1) === KEYS - 1)
    expect(losses.count).toBeLessThanOrEqual(1)
    expect(isConnected(store)).toBe(true)
  })
})

describe('7: a handshake that is never answered is waited for without end', () => {
  it('plain', async () => {
    await using proxy = await startProxy(server.servers)
    proxy.set({ connect: 'hang' })
    const client = plain.createClient(proxy.servers, { sessionTimeout: PLAIN_SESSION, spinDelay: 20 })
    client.connect()
    await until('it connects', () => proxy.connections === 1)
    proxy.set()
    await sleep(3 * PLAIN_SESSION)
    expect([proxy.connections, client.getState().name]).toEqual([1, 'DISCONNECTED'])
    client.close()
  })

  it('rxkeeper', async () => {
    await using proxy = await startProxy(server.servers)
    proxy.set({ connect: 'hang' })
    await using store = open(proxy.servers)
    await until('it tries again', () => proxy.connections > 2)
    proxy.set()
    expect(await firstValueFrom(store.get$('k'))).toBeUndefined()
  })
})

describe('15: credentials queue behind requests and pile up per attempt', () => {
  /** Refuses three connections, then notes what comes, in order. */
  const start = async (types: number[]): Promise<ScriptedServer> =>
    ScriptedServer.start({
      greet: ({ socket, accept }) => {
        if (scripted.connections <= 3) socket.resetAndDestroy()
        else accept()
      },
      answer: asked => {
        types.push(asked.type)
        oblige(asked)
      },
    }).then(each => {
      scripted = each
      return each
    })
  let scripted: ScriptedServer

  it('plain', async () => {
    const types: number[] = []
    await using started = await start(types)
    const client = plain.createClient(started.servers, { spinDelay: 20 })
    client.addAuthInfo('digest', Buffer.from('me:secret'))
    const reading = get(client, '/k')
    client.connect()
    await reading
    await until('all has come', () => types.length >= 5)
    expect(types).toEqual([GET_DATA, AUTH, AUTH, AUTH, AUTH])
    client.close()
  })

  it('rxkeeper', async () => {
    const types: number[] = []
    await using started = await start(types)
    const credentials = { user: 'me', password: 'secret' }
    await using store = zookeeperStore({ servers: started.servers, root: '/', value: json(), credentials })
    expect(await firstValueFrom(store.get$('k'))).toBe('v')
    expect(types).toEqual([AUTH, MULTI_READ])
  })
})

describe('18: large replies are copied again and again, and many small ones recurse', () => {
  const SIZE = 6 * 1024 * 1024

  /** What is copied by joining buffers until `reading` is done. */
  async function copied(reading: () => Promise<unknown>): Promise<number> {
    const concat = vi.spyOn(Buffer, 'concat')
    await reading()
    const sum = concat.mock.results.reduce((total, { value }) => total + (value as Buffer).length, 0)
    concat.mockRestore()
    return sum
  }

  /** The reply comes as it does over a network, 64 KiB at a time, and is not joined by the server. */
  const start = (): Promise<ScriptedServer> => {
    const value = Buffer.alloc(SIZE, '1')
    return ScriptedServer.start({ answer: asked => oblige(asked, value) })
  }

  it('plain', async () => {
    await using scripted = await start()
    const client = await connectPlain(scripted.servers)
    expect(await copied(() => get(client, '/k'))).toBeGreaterThan(10 * SIZE)
    client.close()

    await using many = await ScriptedServer.start({ answer: asked => asked.reply(-101) })
    const recursive = plain.createClient(many.servers)
    const manager = recursive.connectionManager
    const take = manager.onSocketData
    let depth = 0
    let deepest = 0
    manager.onSocketData = function (chunk) {
      deepest = Math.max(deepest, ++depth)
      take.call(this, chunk)
      depth--
    }
    recursive.connect()
    await Promise.allSettled(Array.from({ length: 5000 }, () => get(recursive, '/k')))
    expect(deepest).toBeGreaterThan(500)
    recursive.close()
  })

  it('rxkeeper', async () => {
    await using scripted = await start()
    await using store = zookeeperStore({ servers: scripted.servers, root: '/', value: bytes })
    let value: Uint8Array | undefined
    const sum = await copied(async () => {
      value = await firstValueFrom(store.get$('k'))
    })
    expect(value!.length).toBe(SIZE)
    // The server of the test joins its answer, too.
    expect(sum).toBeLessThan(6 * SIZE)

    await using many = await ScriptedServer.start()
    let value2 = 1
    many.script.answer = asked => {
      oblige(asked, Buffer.from(String(value2)))
      if (asked.type !== ADD_WATCH) return
      value2 = 2
      asked.socket.write(Buffer.concat(Array.from({ length: 40_000 }, () => changed('/k'))))
    }
    await using watching = zookeeperStore({ servers: many.servers, root: '/', value: json<number>() })
    const losses = countLosses(watching)
    const seen: unknown[] = []
    watching.watch$('k').subscribe(value => seen.push(value))
    await until('the change is seen', () => seen.at(-1) === 2)
    expect(losses.count).toBeLessThanOrEqual(1)
  })
})
