import fc from 'fast-check'
import { kvStoreContract } from 'rxkeeper/testing'
import { describe, it } from 'vitest'
import { MemoryEngine } from '../../src/engines/memory/engine.ts'
import { Memory } from '../../src/engines/memory/memory.ts'
import { memoryStore } from '../../src/engines/memory/store.ts'
import { kvStore } from '../../src/store/store.ts'
import { LaggingEngine } from './lagging-engine.ts'

const common = { durable: true, shared: true, ages: true, fastCheck: fc, runner: { describe, it } }

const agesIn = (memory: Memory) => (key: string, version: number) => {
  memory.entries.set(key, { ...memory.entries.get(key)!, version })
  memory.signal([key])
}

for (const cache of [0, 100]) {
  const cached = cache > 0 ? ', cached' : ''

  kvStoreContract({
    ...common,
    name: `memory${cached}`,
    place: () => {
      const memory = new Memory()
      return { open: options => memoryStore({ cache, ...options, memory }), age: agesIn(memory) }
    },
  })

  kvStoreContract({
    ...common,
    name: `memory that lags${cached}`,
    place: () => {
      const memory = new Memory()
      return {
        open: options => kvStore(new LaggingEngine(new MemoryEngine(memory)), { cache, ...options }),
        age: agesIn(memory),
      }
    },
  })
}
