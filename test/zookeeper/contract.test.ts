import fc from 'fast-check'
import { filter, firstValueFrom } from 'rxjs'
import { kvStoreContract } from 'rxkeeper/testing'
import { describe, it } from 'vitest'
import { KeyLayout } from '../../src/engines/zookeeper/layout/key-layout.ts'
import { limitsOf } from '../../src/engines/zookeeper/operations/limits.ts'
import { ReplySize } from '../../src/engines/zookeeper/operations/reply-size.ts'
import { PacketLimit } from '../../src/engines/zookeeper/session/packet-limit.ts'
import { zookeeperStore } from '../../src/engines/zookeeper/store.ts'
import { encodeAcl } from '../../src/engines/zookeeper/wire/requests.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'

const PACKET = 1_048_575
const acl = encodeAcl([{ perms: 31, scheme: 'world', id: 'anyone' }])
const limits = limitsOf(
  new KeyLayout(freshRoot('contract'), 0),
  acl,
  new PacketLimit(PACKET),
  new ReplySize(),
)

for (const cache of [undefined, 100]) {
  kvStoreContract({
    name: cache === undefined ? 'zookeeper' : 'zookeeper, cached',
    durable: true,
    shared: true,
    keyBytes: limits.keyBytes,
    valueBytes: { fits: 1_000_000, exceeds: PACKET + 1 },
    fastCheck: fc,
    runs: 50,
    runner: { describe, it },
    place: () => {
      const root = freshRoot('contract')
      return {
        async open(options) {
          const store = zookeeperStore({ cache, ...options, servers, root })
          // What waits for the first connection is rejected by a close, not flushed.
          await firstValueFrom(store.status$.pipe(filter(({ state }) => state === 'connected')))
          return store
        },
      }
    },
  })
}
