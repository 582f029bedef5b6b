import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { encrypted, Memory, memoryStore, openKeyring } from 'rxkeeper'
import { kvStoreContract } from 'rxkeeper/testing'
import { describe, it } from 'vitest'
import { OF_THE_INNER_ERROR } from './inner-error.ts'

const keys = { k1: randomBytes(32) }
const keyring = await openKeyring({ current: 'k1', key: id => keys[id as 'k1'] })

for (const cache of [0, 100]) {
  kvStoreContract({
    name: `memory, encrypted${cache > 0 ? ', cached' : ''}`,
    durable: true,
    shared: true,
    fastCheck: fc,
    runs: 50,
    runner: {
      describe,
      it: (name, body) => name === OF_THE_INNER_ERROR || it(name, body),
    },
    place: () => {
      const memory = new Memory()
      return {
        open: options => memoryStore({ cache, ...options, value: encrypted(options.value, keyring), memory }),
      }
    },
  })
}
