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
  /** What goes wrong, and when. */
  readonly faults: readonly StoreFault[]
  /**
   * How long each answer takes, in milliseconds; with 0, nothing is ever on its way when the connection is cut.
   * @defaultValue 1
   */
  readonly latency?: number | undefined
  /**
   * What another client makes of the value under `key` when a fault says that it writes; `undefined` deletes.
   * @defaultValue the same value, so that only the version changes
   */
  readonly otherWriter?: ((current: V | undefined, key: string) => V | undefined) | undefined
}

/**
 * A store in memory that things go wrong with, as with one on ZooKeeper, by a schedule of faults: for tests, with a
 * `scheduler` on virtual time.
 *
 * - `suspended`: the connection is cut. What is asked for waits until it is back, or for its deadline: then `TIMEOUT`,
 *   or `INDETERMINATE` for a write that was on its way. Of such a write is found out, once back, whether it was carried
 *   out; an unconditional put is repeated.
 * - `lost`: the session expires as well. A conditional write that was on its way becomes `INDETERMINATE`, carried out or
 *   not as the fault says; a real store finds out about most of them.
 * - `slow`: answers come later. A write that is out of time before them is `INDETERMINATE`, and carried out later.
 * - `write`: another client writes a key.
 *
 * `status$` tells of outages; watches are armed anew after them, so that `changes$` emits `synced` again.
 * `INVALID_ARGUMENT`, at once, for a fault that is none.
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
