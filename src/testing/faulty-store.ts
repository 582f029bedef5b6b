import { wholeNumber } from '../base/arguments.ts'
import { timingOf } from '../base/timing.ts'
import { MemoryEngine } from '../engines/memory/engine.ts'
import { Memory } from '../engines/memory/memory.ts'
import { type MemoryStoreOptions, memoryStore } from '../engines/memory/store.ts'
import type { KVStore } from '../store/kv-store.ts'
import { kvStore } from '../store/store.ts'
import { FaultyEngine } from './faulty-engine.ts'
import { checkFaults, type StoreFault } from './store-faults.ts'

/** Options of {@link faultyStore}. */
export interface FaultyStoreOptions<V> extends MemoryStoreOptions<V> {
  /** The faults, and when they happen. */
  readonly faults: readonly StoreFault[]
  /**
   * The latency of each answer, in milliseconds; with 0, nothing is ever in flight when the connection is cut.
   * @defaultValue 1
   */
  readonly latency?: number | undefined
  /**
   * The value that another client writes under `key` when a fault says so; `undefined` deletes.
   * @defaultValue the same value, so that only the version changes
   */
  readonly otherWriter?: ((current: V | undefined, key: string) => V | undefined) | undefined
}

/**
 * A store in memory with the faults that a store on ZooKeeper meets, by a schedule: for tests, with a `scheduler` on
 * virtual time.
 *
 * - `suspended`: the connection is cut. Operations wait until it is back, or for their deadline: then they fail with
 *   `TIMEOUT`, or a write that was in flight with `INDETERMINATE`. Once the connection is back, the outcome of such a
 *   write is found out; an unconditional put is repeated.
 * - `lost`: the session expires, too. A conditional write that was in flight becomes `INDETERMINATE`, carried out or
 *   not as the fault says; a real store finds out about most of them.
 * - `slow`: answers come later. A write whose deadline passes first is `INDETERMINATE`, and carried out later.
 * - `write`: another client writes a key.
 *
 * `status$` shows outages; watches are armed again after them, so that `changes$` emits `synced` again.
 * `INVALID_ARGUMENT`, at once, for an invalid fault.
 *
 * @example
 * ```ts
 * import { VirtualTimeScheduler } from 'rxjs'
 * import { json } from 'rxkeeper'
 * import { faultyStore } from 'rxkeeper/testing'
 *
 * const scheduler = new VirtualTimeScheduler()
 * const store = faultyStore({
 *   value: json<number>(),
 *   scheduler,
 *   faults: [{ type: 'lost', at: 1, lasts: 500, unanswered: 'done' }],
 * })
 * store.put$('alice', 1, { ifVersion: 'absent' }).subscribe({
 *   error: ({ code }) => console.log(code, 'at', scheduler.now()), // INDETERMINATE at 502
 * })
 * scheduler.flush()
 * store.get$('alice').subscribe(value => console.log('and yet', value)) // and yet 1
 * scheduler.flush()
 * ```
 */
export function faultyStore<V>(options: FaultyStoreOptions<V>): KVStore<V> {
  const { memory = new Memory(), otherWriter = current => current, faults, scheduler, value } = options
  checkFaults(faults)
  const other = memoryStore({ value, memory, scheduler })
  const engine = new FaultyEngine(new MemoryEngine(memory), {
    faults,
    latency: wholeNumber('latency', options.latency ?? 1, 0, 0x7fff_ffff),
    timing: timingOf(scheduler),
    otherWrite: key => void other.update$(key, current => otherWriter(current, key)).subscribe(),
  })
  return kvStore(engine, options)
}
