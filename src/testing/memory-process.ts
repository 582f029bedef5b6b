import { wholeNumber } from '../base/arguments.ts'
import { timingOf } from '../base/timing.ts'
import { Memory } from '../engines/memory/memory.ts'
import type { MemoryStoreOptions } from '../engines/memory/store.ts'
import type { KVStore } from '../store/kv-store.ts'
import { kvStore } from '../store/store.ts'
import { ProcessEngine } from './process-engine.ts'

/** Options of {@link memoryProcess}. */
export interface MemoryProcessOptions<V> extends MemoryStoreOptions<V> {
  /**
   * The latency of a request, and of an answer, in milliseconds.
   * @defaultValue 1
   */
  readonly latency?: number | undefined
  /**
   * The session timeout, in milliseconds.
   * @defaultValue 1000
   */
  readonly sessionTimeout?: number | undefined
}

/** A process that can fail, and its store; see {@link memoryProcess}. */
export interface MemoryProcess<V> {
  readonly store: KVStore<V>
  /** Freezes it: requests and answers wait. Its session expires if this lasts longer than the session timeout. */
  freeze(): void
  /** Ends a {@link freeze}: the waiting requests and answers are delivered, late. */
  thaw(): void
  /** It never does anything again; its session expires later. */
  die(): void
  /** Its session expires now; it goes on with a new one. */
  expire(): void
}

/**
 * A store on a shared `Memory`, as in a process of its own that can be frozen and die: for testing how a group of
 * processes shares its partitions, with a `scheduler` on virtual time.
 *
 * Requests sent before it stopped are carried out. Requests that it sends late, after a freeze, are carried out, too,
 * although others may have taken over: only fences and conditions stop them.
 *
 * @example
 * ```ts
 * import { of, VirtualTimeScheduler } from 'rxjs'
 * import { json, Memory, ownPartitions$ } from 'rxkeeper'
 * import { memoryProcess } from 'rxkeeper/testing'
 *
 * const scheduler = new VirtualTimeScheduler()
 * const memory = new Memory()
 * const join = (member: string) => {
 *   const process = memoryProcess({ value: json<number>(), memory, scheduler, sessionTimeout: 1000 })
 *   const owned$ = ownPartitions$(process.store, { group: 'g', partitions$: of(['p']), member })
 *   owned$.subscribe(() => console.log(member, scheduler.now() < 100 ? 'at once' : 'after a second'))
 *   return process
 * }
 * const one = join('one')
 * scheduler.schedule(() => join('other'), 50)
 * scheduler.schedule(() => one.die(), 100)
 * scheduler.flush() // one at once, other after a second
 * ```
 */
export function memoryProcess<V>(options: MemoryProcessOptions<V>): MemoryProcess<V> {
  const { memory = new Memory(), scheduler } = options
  const latency = wholeNumber('latency', options.latency ?? 1, 0, 0x7fff_ffff)
  const sessionTimeout = wholeNumber('sessionTimeout', options.sessionTimeout ?? 1000, 1, 0x7fff_ffff)
  const engine = new ProcessEngine(memory, timingOf(scheduler), latency, sessionTimeout)
  return {
    store: kvStore(engine, options),
    freeze: () => engine.freeze(),
    thaw: () => engine.thaw(),
    die: () => engine.die(),
    expire: () => engine.expire(),
  }
}
