import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { filter, firstValueFrom } from 'rxjs'
import { encrypted, zookeeperStore } from 'rxkeeper'
import { kvStoreContract } from 'rxkeeper/testing'
import { describe, it } from 'vitest'
import { OF_THE_INNER_ERROR } from '../contract/inner-error.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'

const keys = { k1: randomBytes(32) }

kvStoreContract({
  name: 'zookeeper, encrypted',
  durable: true,
  shared: true,
  valueBytes: { fits: 1_000_000, exceeds: 1_048_576 },
  fastCheck: fc,
  runs: 10,
  runner: {
    describe,
    it: (name, body) => name === OF_THE_INNER_ERROR || it(name, body),
  },
  place: () => {
    const root = freshRoot('encrypted')
    return {
      async open(options) {
        const value = encrypted(options.value, { keys, current: 'k1' })
        const store = zookeeperStore({ ...options, value, servers, root })
        // What waits for the first connection is rejected by a close, not flushed.
        await firstValueFrom(store.status$.pipe(filter(({ state }) => state === 'connected')))
        return store
      },
    }
  },
})
