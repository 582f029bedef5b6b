import type { OperatorFunction } from 'rxjs'
import { accessOf } from '../store/access.ts'
import type { KVStore, Mutation } from '../store/kv-store.ts'
import { RecordWrite } from './internal/askings.ts'
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
  return asking<T, Mutation<V>, RecordWrite<T, V>, never, T>(
    {
      question: record => ({ type: 'delete', key: keyOf(record) }),
      callback: 'keyOf',
      asking: (del, record, place, answers) => new RecordWrite(del, record, place, answers),
      ask: write => access.write(write.question, write),
      output: record => record,
    },
    options,
  )
}
