import { setTimeout as sleep } from 'node:timers/promises'
import { firstValueFrom } from 'rxjs'
import { bytes, type ZooKeeperStoreOptions, zookeeperStore } from 'rxkeeper'
import { type FaultProxy, type ProxyFaults, startProxy, type ZooKeeperServer } from 'rxkeeper/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../../src/testing/ports.ts'
import { patience, spell, times } from './support/knobs.ts'
import { type Random, seeded } from './support/random.ts'
import { startServer } from './support/servers.ts'
import { until } from './support/until.ts'
import { verify } from './support/verdict.ts'
import { Workload } from './support/workload.ts'

/*
 * As the single server, with TLS between the clients and the proxy's other side: records are cut anywhere, handshakes fail in
 * the middle.
 */

const random = seeded('tls')
let server: ZooKeeperServer
let proxy: FaultProxy
/** A port without TLS, for the independent client that knows the truth. */
let plain: string

beforeAll(async () => {
  const clientPort = await freePort()
  plain = `127.0.0.1:${clientPort}`
  server = await startServer({ tls: true, config: { clientPort } })
  proxy = await startProxy(server.servers)
}, patience)
afterAll(async () => {
  await proxy?.stop()
  await server?.stop()
})

const secured = (): Pick<ZooKeeperStoreOptions<never>, 'tls' | 'acl'> => ({ tls: server.tls, acl: 'open' })

const cut = { cut: true }
const networks: readonly ((random: Random) => ProxyFaults)[] = [
  () => ({ toServer: cut, toClient: cut }),
  random => ({ toClient: { resetAfter: random.whole(1, 5000) } }),
  random => ({ toServer: { resetAfter: random.whole(1, 5000) } }),
  () => ({ connect: 'hang', toServer: cut, toClient: cut }),
  random => ({ toClient: { delay: random.whole(1, 100) }, toServer: { delay: random.whole(1, 100) } }),
  random => ({ toClient: { bytesPerSecond: random.whole(2000, 20_000) } }),
]

describe('a single server over TLS', () => {
  it(
    'is killed, freezes, and is behind a network that fails in every way',
    async () => {
      const choices = random.fork()
      const root = `/faults-${choices.whole(0, 1e9)}`
      await using workload = await Workload.start(proxy.servers, root, choices.fork(), secured())
      const end = performance.now() + spell(0, 120_000)
      do {
        await workload.proceed()
        await server.kill()
        await server.restart()
        await workload.proceed()
        server.pause()
        await sleep(choices.whole(500, 3000))
        server.resume()
        for (const faults of choices.shuffled(networks)) {
          proxy.set(faults(choices))
          await sleep(choices.whole(200, 1500))
          proxy.set()
          await workload.proceed()
        }
      } while (performance.now() < end)
      await workload.finish()
      console.log(await verify(workload, plain, root))
    },
    patience,
  )

  it(
    'answers reads of 1 MB over connections that are reset in the middle',
    async () => {
      const choices = random.fork()
      const value = Buffer.alloc(1_000_000, 'one MB, ')
      await using store = zookeeperStore({
        ...secured(),
        servers: proxy.servers,
        root: `/faults-${choices.whole(0, 1e9)}`,
        value: bytes,
        sessionTimeout: 2000,
      })
      let losses = 0
      store.status$.subscribe(({ state }) => state === 'suspended' && losses++)
      const keys = ['a', 'b', 'c', 'd']
      for (const key of keys) await firstValueFrom(store.put$(key, value))
      const rounds = times(5, 100)
      for (let i = 0; i < rounds; i++) {
        proxy.set({ toClient: { resetAfter: choices.whole(1, 3_000_000) } })
        const reading = keys.map(async key => {
          expect(Buffer.compare((await firstValueFrom(store.get$(key)))!, value)).toBe(0)
        })
        await Promise.race([Promise.all(reading), until('a connection is reset', () => losses > i)])
        proxy.set()
        await Promise.all(reading)
      }
      expect(losses).toBeGreaterThan(0)
    },
    patience,
  )
})
