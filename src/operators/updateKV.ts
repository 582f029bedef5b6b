import { map, type Observable, type OperatorFunction } from 'rxjs'
import { KVError } from '../errors.ts'
import { bulkOf } from '../store/bulk.ts'
import type { Entry, KVStore } from '../store/kv-store.ts'
import { each } from './internal/calls.ts'
import { asking, keyed } from './internal/each-record.ts'
import type { OperatorOptions } from './options.ts'

/**
 * Updates, for each record, the value under its key: reads, computes and writes atomically, with any number of writers.
 *
 * Each record is a write of its own, so a watcher may see every one of them, and the records of one key wait for each
 * other. `processKV` writes a key once for many records and is much faster; use this where every step counts.
 *
 * Emits `[record, new value]` once that is durable, in the order of the records, and completes when the source has
 * completed and all updates are done. The first error ends it, after the results of the records before: `CALLBACK`
 * where `keyOf` or `next` throws, else the store's; records of other keys after it may have been written. An error of
 * the source passes at once. `INVALID_ARGUMENT`, at once, for a bad option.
 *
 * @example
 * ```ts
 * import { of } from 'rxjs'
 * import { json, memoryStore, updateKV } from 'rxkeeper'
 *
 * const counts = memoryStore({ value: json<number>() })
 * of('a', 'b', 'a').pipe(
 *   updateKV(counts, word => word, (_, count = 0) => count + 1),
 * ).subscribe(([word, count]) => console.log(word, count)) // a 1, b 1, a 2
 * ```
 *
 * @param keyOf the key of a record
 * @param next the new value; `undefined` deletes the key. May be called again after a conflict: it must be pure
 */
export function updateKV<T, V, N extends V | undefined>(
  store: KVStore<V>,
  keyOf: (record: T) => string,
  next: (record: NoInfer<T>, current: NoInfer<V> | undefined) => N,
  options: OperatorOptions = {},
): OperatorFunction<T, [record: T, value: N]> {
  const output = (record: T, value: V | undefined): [T, N] => [record, value as N]
  const update$ = (key: string, record: T): Observable<Entry<V> | undefined> =>
    store.update$(key, current => next(record, current))
  if (bulkOf(store) === undefined) {
    const begin = (record: T, key: string): Observable<[T, N]> =>
      update$(key, record).pipe(map(entry => output(record, entry?.value)))
    return keyed({ keyOf, begin }, options)
  }
  // Our own stores keep the order of a key's updates, and write in one round what is asked for together.
  return asking<T, { readonly key: string; readonly record: T }, V, [T, N]>(
    store,
    {
      question: record => ({ key: keyOf(record), record }),
      callback: 'keyOf',
      ask: (updates, target, call) =>
        each(
          updates.length,
          index => update$(updates[index]!.key, updates[index]!.record),
          (index, answer) => {
            if (answer instanceof KVError) target.settle(index, answer, undefined, -1)
            else target.settle(index, undefined, answer?.value, answer?.version ?? -1)
          },
          call,
        ),
      output,
    },
    options,
    1024,
  )
}
