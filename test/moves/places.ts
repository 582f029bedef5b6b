import { type KVStore, text } from 'rxkeeper'
import { bytes } from '../../src/codecs/bytes.ts'
import { MemoryEngine } from '../../src/engines/memory/engine.ts'
import type { Memory } from '../../src/engines/memory/memory.ts'
import { ShardedEngine } from '../../src/engines/sharded/engine.ts'
import type { Place } from '../../src/moves/side.ts'
import { kvStore } from '../../src/store/store.ts'

/** The engine of a store in memories: one, or one for each shard. */
export const engineOn = (memories: readonly Memory[], mover?: string): MemoryEngine | ShardedEngine => {
  const engines = memories.map(memory => new MemoryEngine(memory, mover))
  return engines.length === 1 ? engines[0]! : new ShardedEngine(engines)
}

/** A place in memory. */
export const placeIn = (url: string, memories: readonly Memory[]): Place => ({
  url,
  open: mover => kvStore(engineOn(memories, mover), { value: bytes }),
})

/** Who uses a store there. */
export const userOf = (memories: readonly Memory[]): KVStore<string> =>
  kvStore(engineOn(memories), { value: text })
