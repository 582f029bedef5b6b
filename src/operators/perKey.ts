import { from, type Observable, type ObservableInput, type OperatorFunction, of } from 'rxjs'
import { callbackError } from './internal/arguments.ts'
import { keyed } from './internal/each-record.ts'
import type { OperatorOptions } from './options.ts'

/**
 * Sends each record through a pipeline of its own, the records of one key strictly one after the other: the next one
 * starts when the pipeline of the previous one has completed. Different keys overlap.
 *
 * This makes a lookup, a computation and a write composed by hand safe: outside `perKey`, a record's `lookupKV` may be
 * answered before the `upsertKV` of an earlier record of its key is done, and that update is lost. `processKV` does the
 * same work in far fewer requests; `perKey` is for pipelines that it cannot express, with a single writer per key: only
 * `processKV`, `updateKV` and `update$` protect an update against other processes.
 *
 * Emits what the pipelines emit, in the order of the records, and completes when the source and all pipelines have
 * completed. An error of a pipeline is passed on unchanged, after the outputs of the records before; an error of the
 * source at once. `CALLBACK` if `keyOf` or `pipeline` throws; `INVALID_ARGUMENT`, at once, for a bad option.
 *
 * @example
 * ```ts
 * import { from, map, pipe } from 'rxjs'
 * import { json, lookupKV, memoryStore, perKey, upsertKV } from 'rxkeeper'
 *
 * const store = memoryStore({ value: json<number>() })
 * const count = pipe(
 *   lookupKV(store, (word: string) => word),
 *   map(([word, count = 0]) => [word, count + 1] as const),
 *   upsertKV(store, entry => entry),
 * )
 * from(['a', 'b', 'a']).pipe(
 *   perKey(word => word, count),
 * ).subscribe(([word, count]) => console.log(word, count)) // a 1, b 1, a 2
 * ```
 *
 * @param keyOf the key of a record; any value that a `Map` can distinguish
 * @param pipeline gets an Observable of one record; called for each. Operators composed with `pipe`, or any function
 */
export function perKey<T, R>(
  keyOf: (record: T) => unknown,
  pipeline: (record$: Observable<T>) => ObservableInput<R>,
  options: OperatorOptions = {},
): OperatorFunction<T, R> {
  return keyed(
    {
      keyOf,
      begin: (record: T) => {
        try {
          return from(pipeline(of(record)))
        } catch (error) {
          throw callbackError('pipeline', error)
        }
      },
    },
    options,
  )
}
