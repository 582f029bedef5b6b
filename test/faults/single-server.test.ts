import { setTimeout as sleep } from 'node:timers/promises'
import { firstValueFrom } from 'rxjs'
import { bytes, KVError, zookeeperStore } from 'rxkeeper'
import { type FaultProxy, type ProxyFaults, startProxy, type ZooKeeperServer } from 'rxkeeper/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { patience, spell, times } from './support/knobs.ts'
import { type Random, seeded } from './support/random.ts'
import { startServer } from './support/servers.ts'
import { until } from './support/until.ts'
import { verify } from './support/verdict.ts'
import { Workload } from './support/workload.ts'

/*
 * One server, clients with a session each that write, read, watch and follow, and what happens to the server and to the
 * network in front of it.
 */

const random = seeded('single server')
let server: ZooKeeperServer
let proxy: FaultProxy

beforeAll(async () => {
  server = await startServer()
  proxy = await startProxy(server.servers)
}, patience)
afterAll(async () => {
  await proxy?.stop()
  await server?.stop()
})

/** Runs clients while `faults` happen, and compares all that they were told. */
function under(what: string, faults: (random: Random, workload: Workload) => Promise<void>): void {
  it(
    what,
    async () => {
      const choices = random.fork()
      const root = `/faults-${choices.whole(0, 1e9)}`
      await using workload = await Workload.start(proxy.servers, root, choices.fork())
      await faults(choices, workload)
      await workload.proceed()
      await workload.finish()
      console.log(what, await verify(workload, server.servers, root))
    },
    patience,
  )
}

const cut = { cut: true }

const networks: Record<string, (random: Random) => ProxyFaults> = {
  'is cut': () => ({ toServer: cut, toClient: cut }),
  'carries nothing to the server': () => ({ toServer: cut }),
  'carries nothing to the client': () => ({ toClient: cut }),
  'resets connections': random => ({ toClient: { resetAfter: random.whole(1, 5000) } }),
  'resets connections as they send': random => ({ toServer: { resetAfter: random.whole(1, 5000) } }),
  'accepts and never answers': () => ({ connect: 'hang', toServer: cut, toClient: cut }),
  'is slow': random => ({
    toServer: { delay: random.whole(1, 300) },
    toClient: { delay: random.whole(1, 300) },
  }),
  'is narrow': random => ({ toClient: { bytesPerSecond: random.whole(500, 20_000) } }),
  'is narrow upwards': random => ({ toServer: { bytesPerSecond: random.whole(500, 20_000) } }),
}

describe('a single server', () => {
  under('is killed and started again, many times', async (_, workload) => {
    for (let i = 0; i < times(4, 20); i++) {
      await workload.proceed()
      await server.kill()
      await server.restart()
    }
  })

  under('freezes for longer than the sessions last', async (random, workload) => {
    for (let i = 0; i < times(2, 6); i++) {
      await workload.proceed()
      server.pause()
      await sleep(random.whole(2000, 4000))
      server.resume()
    }
  })

  under('is behind a network that fails in every way', async (random, workload) => {
    const end = performance.now() + spell(0, 120_000)
    do {
      for (const [, faults] of random.shuffled(Object.entries(networks))) {
        proxy.set(faults(random))
        await sleep(random.whole(200, 2000))
        proxy.set()
        await workload.proceed()
      }
    } while (performance.now() < end)
  })

  it(
    'answers reads of 1 MB over connections that are reset in the middle',
    async () => {
      const choices = random.fork()
      const size = 1_000_000
      const values = new Map(
        Array.from({ length: 8 }, (_, i) => [`big-${i}`, Buffer.alloc(size, `${i} of 8, `)] as const),
      )
      const root = `/faults-${choices.whole(0, 1e9)}`
      await using store = zookeeperStore({ servers: proxy.servers, root, value: bytes, sessionTimeout: 2000 })
      let losses = 0
      store.status$.subscribe(({ state }) => state === 'suspended' && losses++)
      for (const [key, value] of values) await firstValueFrom(store.put$(key, value))
      for (let i = 0; i < times(15, 100); i++) {
        proxy.set({ toClient: { resetAfter: choices.whole(1, 3 * size) } })
        const reading = [...values].map(async ([key, value]) => {
          const found = await firstValueFrom(store.get$(key))
          expect(Buffer.compare(found!, value)).toBe(0)
        })
        // Each connection is reset: no read comes through that needs more.
        await Promise.race([Promise.all(reading), until('a connection is reset', () => losses > i)])
        proxy.set()
        await Promise.all(reading)
      }
      expect(losses).toBeGreaterThan(times(5, 40))
    },
    patience,
  )

  it(
    'that is not there is told of, with its address',
    async () => {
      const gone = await startProxy(server.servers)
      const address = gone.servers
      await gone.stop()
      await using store = zookeeperStore({ servers: address, root: '/any', value: bytes, timeout: 500 })
      const error = await firstValueFrom(store.get$('a')).catch((error: unknown) => error)
      expect(error).toBeInstanceOf(KVError)
      expect(error).toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining(address) })
      const { state, reason } = await firstValueFrom(store.status$)
      expect(state).toBe('suspended')
      expect(reason).toContain(address)
    },
    patience,
  )
})
