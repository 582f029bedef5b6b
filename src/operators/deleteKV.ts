import type { OperatorFunction } from 'rxjs'
import { accessOf } from '../store/access.ts'
import type { KVStore } from '../store/kv-store.ts'
import { asking } from './internal/each-record.ts'
import type { OperatorOptions } from './options.ts'

/**
 * Deletes the key of each record, and emits the record once that is durable. An absent key is no error.
 *
 * Emits the records in order, and completes when the source has completed and all deletes are done. The first error
 * ends it, after the records before: `CALLBACK` if `keyOf` throws, else the store's error; keys of later records may
 * have been deleted. An error of the source passes at once; unsubscribing withdraws what has not been sent.
 * `INVALID_ARGUMENT`, at once, for a bad option.
 *
 * @example
 * ```ts
 * import { concat, of } from 'rxjs'
 * import { deleteKV, memoryStore, text } from 'rxkeeper'
 *
 * const sessions = memoryStore({ value: text })
 * concat(
 *   sessions.put$('alice', 'since 9:00'),
 *   of({ user: 'alice' }).pipe(deleteKV(sessions, logout => logout.user)),
 *   sessions.get$('alice'),
 * ).subscribe(result => console.log(result))
 * // { key: 'alice', value: 'since 9:00', version: 0 }, { user: 'alice' }, undefined
 * ```
 *
 * @param keyOf the key to delete for a record
 */
export function deleteKV<T, V>(
  store: KVStore<V>,
  keyOf: (record: T) => string,
  options: OperatorOptions = {},
): OperatorFunction<T, T> {
  const access = accessOf(store)
  return asking<T, string, never, T>(
    {
      question: keyOf,
      callback: 'keyOf',
      ask: (key, asker) => access.write({ type: 'delete', key }, asker),
      output: record => record,
    },
    options,
  )
}
