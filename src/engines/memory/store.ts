import type { KVStore, StoreOptions } from '../../store/kv-store.ts'
import { kvStore } from '../../store/store.ts'
import { MemoryEngine } from './engine.ts'
import { Memory } from './memory.ts'

/** Options of {@link memoryStore}. */
export interface MemoryStoreOptions<V> extends StoreOptions<V> {
  /**
   * The data of the store; stores with the same memory share it.
   * @defaultValue a new, empty one
   */
  readonly memory?: Memory | undefined
}

/**
 * A store in memory: for tests, and for state that may be lost with the process.
 *
 * @example
 * ```ts
 * import { firstValueFrom } from 'rxjs'
 * import { json, memoryStore } from 'rxkeeper'
 *
 * await using store = memoryStore({ value: json<number>() })
 * console.log(await firstValueFrom(store.update$('alice', (count = 0) => count + 1))) // { key: 'alice', value: 1, … }
 * ```
 */
export const memoryStore = <V>(options: MemoryStoreOptions<V>): KVStore<V> =>
  kvStore(new MemoryEngine(options.memory ?? new Memory()), options)
