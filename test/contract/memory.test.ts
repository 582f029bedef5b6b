import { kvStoreContract } from 'rxkeeper/testing'
import { describe, it } from 'vitest'
import { Memory } from '../../src/engines/memory/engine.ts'
import { memoryStore } from '../../src/engines/memory/store.ts'

for (const cache of [undefined, 100]) {
  kvStoreContract({
    name: cache === undefined ? 'memory' : 'memory, cached',
    durable: true,
    shared: true,
    runner: { describe, it },
    place: () => {
      const memory = new Memory()
      return { open: options => memoryStore({ cache, ...options, memory }) }
    },
  })
}
