import type { OperatorFunction } from 'rxjs'
import { bulkOf } from '../../store/bulk.ts'
import type { KVStore } from '../../store/kv-store.ts'
import type { OperatorOptions } from '../options.ts'
import { bound } from './arguments.ts'
import { KeyedPump, type KeyedWork } from './keyed-pump.ts'
import { Lineup } from './lineup.ts'
import { operate } from './operate.ts'
import { Pump, type Work } from './pump.ts'

/** The operator that asks the store one question for each record. */
export function asking<T, Q, V, R>(
  store: KVStore<V>,
  work: Work<T, Q, V, R>,
  options: OperatorOptions,
  fallback = 4096,
): OperatorFunction<T, R> {
  const concurrency = bound('concurrency', options.concurrency, fallback)
  const bulk = bulkOf(store)
  return operate(
    concurrency,
    (destination, intake) =>
      new Pump(bulk, work, concurrency, new Lineup(destination, intake, options.ordered ?? true)),
  )
}

/** The operator that works on each record, on those of one key one after the other. */
export function keyed<T, K, R>(work: KeyedWork<T, K, R>, options: OperatorOptions): OperatorFunction<T, R> {
  const concurrency = bound('concurrency', options.concurrency, 1024)
  return operate(
    concurrency,
    (destination, intake) =>
      new KeyedPump(work, concurrency, new Lineup(destination, intake, options.ordered ?? true)),
  )
}
