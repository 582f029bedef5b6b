import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { firstValueFrom, map, Subscription, take, toArray } from 'rxjs'
import { startProxy, startZooKeeper } from 'rxkeeper/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ConnectionState, WatchSignal } from '../../src/contract/engine.ts'
import type { ZooKeeperEngine } from '../../src/engines/zookeeper/engine.ts'
import { freshRoot } from '../setup/fresh-root.ts'
import { failureOf, openEngine, put, reached, valuesOf, within } from './opening.ts'

type Server = Awaited<ReturnType<typeof startZooKeeper>>
let server: Server

beforeAll(async () => {
  server = await startZooKeeper()
})
afterAll(() => server.stop())

/** The session's id, from its status. */
const sessionOf = async (engine: ZooKeeperEngine): Promise<bigint> =>
  BigInt(/session (0x[\da-f]+)/.exec((await reached(engine, 'connected')).reason)![1]!)

/** Whether the server keeps the session, connected or not. */
const keeps = async (id: bigint): Promise<boolean> =>
  (await server.fourLetterWord('dump')).includes(`0x${id.toString(16)}\n`)

/** The states from now on. */
function recordStates(engine: ZooKeeperEngine): ConnectionState[] {
  const states: ConnectionState[] = []
  engine.status$.subscribe(({ state }) => states.push(state))
  return states
}

/** Busy for so long, as a computation would be. */
function holdUp(milliseconds: number): void {
  const until = performance.now() + milliseconds
  while (performance.now() < until);
}

describe('a session', () => {
  it('survives lost connections, with the same id', async () => {
    await using proxy = await startProxy(server.servers)
    await using engine = openEngine(proxy.servers, { root: freshRoot('session') })
    const id = await sessionOf(engine)
    for (let i = 0; i < 5; i++) {
      await firstValueFrom(engine.write([put('k', String(i))], within(10_000)))
      proxy.reset()
      await reached(engine, 'suspended')
      expect(await valuesOf(engine, 'k')).toEqual([String(i)])
      expect(await sessionOf(engine)).toBe(id)
    }
  })

  it('notices a connection that is cut without a word, and resumes on another', async () => {
    await using proxy = await startProxy(server.servers)
    await using engine = openEngine(proxy.servers, { root: freshRoot('session'), timeout: 6000 })
    const id = await sessionOf(engine)
    for (const fault of [{ toClient: { cut: true } }, { toServer: { cut: true } }]) {
      proxy.set(fault)
      expect((await reached(engine, 'suspended')).reason).toContain('ping')
      proxy.set()
      expect(await sessionOf(engine)).toBe(id)
    }
  })

  it('is `lost` by our own clock while nobody can be reached, and goes on when it was not', async () => {
    await using proxy = await startProxy(server.servers)
    await using engine = openEngine(proxy.servers, { root: freshRoot('session'), timeout: 1000 })
    await reached(engine, 'connected')
    const states = recordStates(engine)
    proxy.set({ connect: 'reset' })
    proxy.reset()
    await reached(engine, 'lost')
    proxy.set()
    await reached(engine, 'connected')
    expect(states.filter((state, i) => state !== states[i - 1])).toEqual([
      'connected',
      'suspended',
      'lost',
      'connected',
    ])
  })

  it('that expired is followed by a new one', async () => {
    await using engine = openEngine(server.servers, { root: freshRoot('session') })
    const id = await sessionOf(engine)
    const states = firstValueFrom(
      engine.status$.pipe(
        map(({ state }) => state),
        take(4),
        toArray(),
      ),
    )
    expect(await server.expireSession(id)).toBe(true)
    expect(await states).toEqual(['connected', 'suspended', 'lost', 'connected'])
    expect(await sessionOf(engine)).not.toBe(id)
    expect(await firstValueFrom(engine.write([put('k', 'v')], within(10_000)))).toMatchObject([
      { version: 0 },
    ])
  })

  it('is kept while the server sends nothing but events, for longer than it lasts', async () => {
    const root = freshRoot('session')
    await using engine = openEngine(server.servers, { root, timeout: 2000 })
    await using other = openEngine(server.servers, { root })
    const id = await sessionOf(engine)
    const watching = engine.watch().subscribe()
    const until = performance.now() + 5000
    for (let i = 0; performance.now() < until; i++) {
      await firstValueFrom(other.write([put('k', String(i))], within(10_000)))
    }
    expect(await sessionOf(engine)).toBe(id)
    watching.unsubscribe()
  })

  it('is not given up because our own process was held up', async () => {
    await using engine = openEngine(server.servers, { root: freshRoot('session'), timeout: 6000 })
    let states: string[] = []
    await new Promise<void>(resolve => {
      engine.status$.subscribe(({ state }) => {
        states.push(state)
        if (state !== 'connected') return
        // Its first ping is on the way; the answer will wait until we look.
        holdUp(2500)
        resolve()
      })
    })
    states = []
    await new Promise(resolve => setTimeout(resolve, 1000))
    expect(states).toEqual([])
    expect(await valuesOf(engine, 'k')).toEqual([undefined])
  })

  it('is resumed after a freeze of the whole process that it does not survive by a new one', async () => {
    await using engine = openEngine(server.servers, { root: freshRoot('session'), timeout: 1000 })
    const id = await sessionOf(engine)
    await firstValueFrom(engine.write([put('k', 'v')], within(10_000)))
    holdUp(4000)
    expect(await valuesOf(engine, 'k')).toEqual(['v'])
    await firstValueFrom(engine.write([put('k', 'w')], within(10_000)))
    expect(await valuesOf(engine, 'k')).toEqual(['w'])
    expect(await sessionOf(engine)).not.toBe(id)
  })

  it('is ended on the server by close', async () => {
    const engine = openEngine(server.servers, { root: freshRoot('session') })
    const id = await sessionOf(engine)
    expect(await keeps(id)).toBe(true)
    await Promise.all([engine.close(), engine.close()])
    expect(await keeps(id)).toBe(false)
    expect((await failureOf(engine.read(['k'], within(1000)))).code).toBe('CLOSED')
    await engine.close()
  })

  it('is ended on the server by a close while the connection is away', async () => {
    await using proxy = await startProxy(server.servers)
    const engine = openEngine(proxy.servers, { root: freshRoot('session') })
    const id = await sessionOf(engine)
    proxy.reset()
    await reached(engine, 'suspended')
    await engine.close()
    expect(await keeps(id)).toBe(false)
  })

  it('connects to IPv6 addresses and names', async () => {
    // The server listens on all addresses.
    const { port } = server
    for (const servers of [`[::1]:${port}`, `localhost:${port}`, `127.0.0.1:1, [::1]:${port}`]) {
      await using engine = openEngine(servers)
      expect((await reached(engine, 'connected')).reason).toContain(String(port))
    }
  })
})

describe('without a server', () => {
  it('the status and the errors name what was tried', async () => {
    await using engine = openEngine('127.0.0.1:1,[::1]:1')
    expect(await firstValueFrom(engine.status$)).toEqual({
      state: 'suspended',
      reason: 'connecting to 127.0.0.1:1, [::1]:1',
    })
    const reading = await failureOf(engine.read(['k'], within(300)))
    expect(reading.code).toBe('TIMEOUT')
    for (const part of ['127.0.0.1:1: connect ECONNREFUSED', '[::1]:1: connect ECONNREFUSED']) {
      expect(reading.message).toContain(part)
    }
    const [written] = await firstValueFrom(engine.write([put('k', 'v')], within(100)))
    expect(written).toMatchObject({ code: 'TIMEOUT', key: 'k' })
    expect((await failureOf(engine.commit([put('k', 'v', 0)], within(100)))).code).toBe('TIMEOUT')
    expect((await failureOf(engine.entries({}).next(within(100)))).code).toBe('TIMEOUT')
    expect((await failureOf(engine.keys({}).next(within(100)))).code).toBe('TIMEOUT')
    expect((await failureOf(engine.read(['k'], within(-1)))).code).toBe('TIMEOUT')
  })

  it('close settles at once and rejects what waits', async () => {
    const engine = openEngine('127.0.0.1:1')
    const waiting = failureOf(engine.read(['k'], within(20_000)))
    const writing = firstValueFrom(engine.write([put('k', 'v')], within(20_000)))
    await engine.close()
    expect((await waiting).code).toBe('CLOSED')
    expect(await writing).toMatchObject([{ code: 'CLOSED' }])
  })

  it('close in the middle of a handshake settles', async () => {
    await using proxy = await startProxy(server.servers)
    proxy.set({ connect: 'hang' })
    const engine = openEngine(proxy.servers)
    await new Promise(resolve => setTimeout(resolve, 50))
    await engine.close()
    expect(await firstValueFrom(engine.status$, { defaultValue: 'completed' })).toBe('completed')
  })
})

describe('a server that is killed and started again', () => {
  it('during reads of large values: the answers are right, and the session goes on', async () => {
    await using own = await startZooKeeper()
    await using engine = openEngine(own.servers, { root: freshRoot('session') })
    const id = await sessionOf(engine)
    const large = (i: number): Buffer => Buffer.alloc(1_000_000, i)
    for (let i = 0; i < 8; i++) await firstValueFrom(engine.write([put(`k${i}`, large(i))], within(20_000)))
    const keys = Array.from({ length: 8 }, (_, i) => `k${i}`)
    const reading = new Subscription()
    let failures = 0
    let reads = 0
    const readOn = (): void => {
      reading.add(
        engine.read(keys, within(30_000)).subscribe({
          next: all => {
            reads++
            for (const [i, stored] of all.entries()) {
              if (!stored || stored instanceof Error || !Buffer.from(stored.value).equals(large(i)))
                failures++
            }
          },
          error: () => failures++,
          complete: () => reading.closed || setImmediate(readOn),
        }),
      )
    }
    readOn()
    for (let round = 0; round < 3; round++) {
      const before = reads
      while (reads < before + 5) await new Promise(resolve => setTimeout(resolve, 20))
      await own.kill()
      await reached(engine, 'suspended')
      await own.restart()
      await reached(engine, 'connected')
    }
    const before = reads
    while (reads < before + 2) await new Promise(resolve => setTimeout(resolve, 20))
    reading.unsubscribe()
    expect(failures).toBe(0)
    expect(await sessionOf(engine)).toBe(id)
  })

  it('frozen for longer than the session lasts: noticed, and over when it goes on', async () => {
    await using own = await startZooKeeper()
    await using engine = openEngine(own.servers, { root: freshRoot('session'), timeout: 1000 })
    await firstValueFrom(engine.write([put('k', 'v')], within(20_000)))
    own.pause()
    const hung = valuesOf(engine, 'k')
    expect((await failureOf(engine.read(['k'], within(500)))).code).toBe('TIMEOUT')
    await reached(engine, 'suspended')
    await reached(engine, 'lost')
    own.resume()
    expect(await hung).toEqual(['v'])
    await reached(engine, 'connected')
  })
})

describe('the watch', () => {
  const record = (engine: ZooKeeperEngine) => {
    const signals: WatchSignal[] = []
    return { signals, watching: engine.watch().subscribe(signal => signals.push(signal)) }
  }
  const types = (signals: readonly WatchSignal[]): string[] => signals.map(({ type }) => type)
  const watchesOf = async (): Promise<number> =>
    Number(/Total watches:(\d+)/.exec(await server.fourLetterWord('wchs'))![1])

  it('is armed again on each connection', async () => {
    await using proxy = await startProxy(server.servers)
    await using engine = openEngine(proxy.servers, { root: freshRoot('session') })
    const { signals } = record(engine)
    for (let i = 1; i <= 3; i++) {
      await firstValueFrom(engine.write([put('k', 'v')], within(10_000)))
      expect(signals.at(-1)).toEqual({ type: 'changed', keys: ['k'] })
      proxy.reset()
      await reached(engine, 'suspended')
      expect(signals.at(-1)).toEqual({ type: 'disarmed' })
      await reached(engine, 'connected')
      // Armed ahead of whatever is asked for next.
      await valuesOf(engine, 'k')
      expect(signals.at(-1)).toEqual({ type: 'armed' })
    }
  })

  it('is armed again in a new session', async () => {
    await using engine = openEngine(server.servers, { root: freshRoot('session') })
    const { signals } = record(engine)
    await firstValueFrom(engine.write([put('k', 'v')], within(10_000)))
    await server.expireSession(await sessionOf(engine))
    await reached(engine, 'lost')
    await reached(engine, 'connected')
    await firstValueFrom(engine.write([put('k', 'w')], within(10_000)))
    expect(types(signals)).toEqual(['armed', 'changed', 'disarmed', 'armed', 'changed'])
  })

  it('is one on the server however many watch, and none when nobody does', async () => {
    await using engine = openEngine(server.servers, { root: freshRoot('session') })
    await valuesOf(engine, 'k')
    // The one that tells of a root made anew is always there.
    const before = await watchesOf()
    const watching = Array.from({ length: 100 }, () => record(engine))
    await valuesOf(engine, 'k')
    expect(await watchesOf()).toBe(before + 1)
    for (const { watching: subscription, signals } of watching) {
      expect(types(signals)).toEqual(['armed'])
      subscription.unsubscribe()
    }
    await valuesOf(engine, 'k')
    expect(await watchesOf()).toBe(before)
    for (let i = 0; i < 10_000; i++) engine.watch().subscribe().unsubscribe()
    await valuesOf(engine, 'k')
    expect(await watchesOf()).toBe(before)
    const again = record(engine)
    await firstValueFrom(engine.write([put('k', 'v')], within(10_000)))
    expect(again.signals).toEqual([{ type: 'armed' }, { type: 'changed', keys: ['k'] }])
  })

  it('signals a change before any answer that shows it', async () => {
    const root = freshRoot('session')
    await using engine = openEngine(server.servers, { root })
    await using other = openEngine(server.servers, { root })
    let changed = 0
    engine.watch().subscribe(signal => {
      if (signal.type === 'changed') changed += signal.keys.length
    })
    await valuesOf(engine, 'k')
    let writing = true
    const writer = (async () => {
      for (let i = 1; i <= 300; i++) await firstValueFrom(other.write([put('k', String(i))], within(10_000)))
      writing = false
    })()
    while (writing) {
      const [value = '0'] = await valuesOf(engine, 'k')
      expect(changed).toBeGreaterThanOrEqual(Number(value))
    }
    await writer
    expect(changed).toBe(300)
  })

  it('signals nothing of nodes that are no keys', async () => {
    const root = freshRoot('session')
    await using engine = openEngine(server.servers, { root })
    await using below = openEngine(server.servers, { root: `${root}/k` })
    const { signals } = record(engine)
    await firstValueFrom(engine.commit([put('k', 'v', 'absent')], within(10_000)))
    await firstValueFrom(below.write([put('deep', 'v')], within(10_000)))
    await valuesOf(engine, 'k')
    expect(signals.flatMap(signal => (signal.type === 'changed' ? signal.keys : []))).toEqual(['k'])
    expect(await firstValueFrom(engine.keys({}).next(within(10_000)))).toEqual(['k'])
  })
})

describe('a process', () => {
  it.each(['connected', 'connecting', 'nobody there'])(
    'that closes its store while %s ends by itself',
    async state => {
      await using proxy = await startProxy(server.servers)
      if (state === 'connecting') proxy.set({ connect: 'hang' })
      const servers = state === 'nobody there' ? '127.0.0.1:1' : proxy.servers
      const script = `
      import { json, zookeeperStore } from 'rxkeeper'
      const store = zookeeperStore({ servers: '${servers}', root: '${freshRoot('session')}', value: json() })
      store.watch$('k').subscribe({ error() {} })
      store.put$('k', 1).subscribe({ error() {} })
      setTimeout(() => store.close(), 500)
    `
      const args = ['--import', 'tsx', '--conditions=rxkeeper-source', '--input-type=module', '-e', script]
      const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 })
      expect(stdout + stderr).toBe('')
    },
  )
})
