import fc from 'fast-check'
import { filter, firstValueFrom } from 'rxjs'
import { zookeeperStore } from 'rxkeeper'
import { kvStoreContract, startZooKeeper, type ZooKeeperServer } from 'rxkeeper/testing'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { freshRoot } from '../setup/fresh-root.ts'

let server: ZooKeeperServer
beforeAll(async () => {
  server = await startZooKeeper({ tls: true })
})
afterAll(() => server.stop())

// Everything that is created belongs to the client's certificate.
kvStoreContract({
  name: 'zookeeper over TLS',
  durable: true,
  shared: true,
  valueBytes: { fits: 1_000_000, exceeds: 1_048_576 },
  fastCheck: fc,
  runs: 25,
  runner: { describe, it },
  place: () => {
    const root = freshRoot('contract')
    return {
      async open(options) {
        const store = zookeeperStore({ ...options, servers: server.servers, tls: server.tls, root })
        await firstValueFrom(store.status$.pipe(filter(({ state }) => state === 'connected')))
        return store
      },
    }
  },
})
