import fc from 'fast-check'
import { filter, firstValueFrom } from 'rxjs'
import { kvStoreContract, type ZooKeeperServer } from 'rxkeeper/testing'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { ShardedEngine } from '../../src/engines/sharded/engine.ts'
import { ZooKeeperEngine } from '../../src/engines/zookeeper/engine.ts'
import { parseServers } from '../../src/engines/zookeeper/session/addresses.ts'
import { encodeAcl } from '../../src/engines/zookeeper/wire/requests.ts'
import { type KVStore, Memory, MemoryEngine, zookeeperStore } from '../../src/index.ts'
import { kvStore } from '../../src/store/store.ts'
import { startServer } from '../faults/support/servers.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { mayShareOf } from './memories.ts'

const common = { durable: true, shared: true, fastCheck: fc, runs: 20, runner: { describe, it } }

/** What waits for the first connection is rejected by a close, not flushed. */
async function connected<V>(store: KVStore<V>): Promise<KVStore<V>> {
  await firstValueFrom(store.status$.pipe(filter(({ state }) => state === 'connected')))
  return store
}

const started: ZooKeeperServer[] = []
beforeAll(async () => {
  started.push(...(await Promise.all([startServer(), startServer(), startServer()])))
})
afterAll(() => Promise.all(started.map(server => server.stop())))

for (const [shards, options] of [
  [2, { buckets: 16 }],
  [3, { cache: 100 }],
] as const) {
  kvStoreContract({
    ...common,
    name: `${shards} single servers, ${JSON.stringify(options)}`,
    mayShare: mayShareOf(shards),
    place: () => {
      const root = freshRoot('sharded')
      return {
        open: more => {
          const ensembles = started.slice(0, shards).map(server => server.servers)
          return connected(zookeeperStore({ ...options, ...more, ensembles, root }))
        },
      }
    },
  })
}

kvStoreContract({
  ...common,
  name: 'a server and a memory',
  mayShare: mayShareOf(2),
  place: () => {
    const root = freshRoot('sharded')
    const memory = new Memory()
    return {
      open: options => {
        const zookeeper = new ZooKeeperEngine({
          servers: parseServers(servers),
          root,
          buckets: 0,
          timeout: 15_000,
          credentials: undefined,
          acl: encodeAcl([{ perms: 31, scheme: 'world', id: 'anyone' }]),
          linearizable: false,
          maxPacketBytes: 1_048_575,
        })
        return connected(kvStore(new ShardedEngine([new MemoryEngine(memory), zookeeper]), options))
      },
    }
  },
})
