import fc from 'fast-check'
import { Memory } from 'rxkeeper'
import { faultyStore, kvStoreContract } from 'rxkeeper/testing'
import { describe, it } from 'vitest'

for (const [latency, cache] of [
  [0, 0],
  [1, 100],
] as const) {
  kvStoreContract({
    name: `memory behind faults that are none, answers after ${latency} ms, a cache of ${cache}`,
    durable: true,
    shared: true,
    ages: true,
    fastCheck: fc,
    runner: { describe, it },
    place: () => {
      const memory = new Memory()
      return {
        open: options => faultyStore({ cache, ...options, memory, latency, faults: [] }),
        age: (key, version) => {
          memory.entries.set(key, { ...memory.entries.get(key)!, version })
          memory.signal([key])
        },
      }
    },
  })
}
