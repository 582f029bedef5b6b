import type { Engine } from '../../src/contract/engine.ts'
import { MemoryEngine } from '../../src/engines/memory/engine.ts'
import { Memory } from '../../src/engines/memory/memory.ts'
import { ShardedEngine, type ShardedOptions } from '../../src/engines/sharded/engine.ts'
import { Placement } from '../../src/engines/sharded/placement.ts'
import { json } from '../../src/index.ts'
import type { KVStore, StoreOptions } from '../../src/store/kv-store.ts'
import { kvStore } from '../../src/store/store.ts'

/** Some memories. */
export const memoriesOf = (count: number): Memory[] => Array.from({ length: count }, () => new Memory())

export const enginesOf = (memories: readonly Memory[]): MemoryEngine[] =>
  memories.map(memory => new MemoryEngine(memory))

/** A store of numbers over engines. */
export const storeOver = (
  engines: readonly Engine[],
  options?: ShardedOptions & Partial<StoreOptions<number>>,
): KVStore<number> => kvStore(new ShardedEngine(engines, options), { value: json<number>(), ...options })

/** Keys of which so many are in each shard, shard by shard. */
export function keysOf(shards: number, count: number): string[][] {
  const placement = new Placement(shards)
  const keys = Array.from({ length: shards }, (): string[] => [])
  for (let n = 0; keys.some(({ length }) => length < count); n++) {
    const key = `key-${n}`
    const some = keys[placement.indexOf(key)]!
    if (some.length < count) some.push(key)
  }
  return keys
}

export const shardOf = (key: string, shards: number): number => new Placement(shards).indexOf(key)

/** Whether two keys are in one shard. */
export function mayShareOf(shards: number): (one: string, other: string) => boolean {
  const placement = new Placement(shards)
  return (one, other) => placement.indexOf(one) === placement.indexOf(other)
}
