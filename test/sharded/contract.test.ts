import fc from 'fast-check'
import { kvStoreContract } from 'rxkeeper/testing'
import { describe, it } from 'vitest'
import { ShardedEngine } from '../../src/engines/sharded/engine.ts'
import { kvStore } from '../../src/store/store.ts'
import { LaggingEngine } from '../contract/lagging-engine.ts'
import { enginesOf, mayShareOf, memoriesOf, shardOf } from './memories.ts'

for (const [shards, cache, lags] of [
  [2, 0, false],
  [3, 100, true],
] as const) {
  kvStoreContract({
    name: `${shards} shards in memory${lags ? ' that lag, cached' : ''}`,
    durable: true,
    shared: true,
    ages: true,
    mayShare: mayShareOf(shards),
    fastCheck: fc,
    runner: { describe, it },
    place: () => {
      const memories = memoriesOf(shards)
      return {
        open: options => {
          const engines = enginesOf(memories)
          const all = lags ? engines.map(engine => new LaggingEngine(engine)) : engines
          return kvStore(new ShardedEngine(all), { cache, ...options })
        },
        age: (key, version) => {
          const memory = memories[shardOf(key, shards)]!
          memory.entries.set(key, { ...memory.entries.get(key)!, version })
          memory.signal([key])
        },
      }
    },
  })
}
