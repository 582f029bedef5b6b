import type { OperatorFunction } from 'rxjs'
import { accessOf } from '../store/access.ts'
import type { KVStore, Mutation } from '../store/kv-store.ts'
import { checkExpiry } from './internal/arguments.ts'
import { RecordWrite } from './internal/askings.ts'
import { asking } from './internal/each-record.ts'
import type { WriteOptions } from './options.ts'

/**
 * Writes an entry for each record, and emits the record once the entry is durable.
 *
 * Records that arrive together are written together, but independently of each other; those of one key in order. The
 * write is unconditional: to compute a value from the stored one, use `processKV` or `updateKV`.
 *
 * Emits the records in order, and completes when the source has completed and all writes are done. The first error ends
 * it, after the records before: `CALLBACK` if `entryOf` throws, else the store's error; later records may have been
 * written. An error of the source passes at once; unsubscribing withdraws what has not been sent. `INVALID_ARGUMENT`,
 * at once, for a bad option.
 *
 * @example
 * ```ts
 * import { of } from 'rxjs'
 * import { json, memoryStore, upsertKV } from 'rxkeeper'
 *
 * const delays = memoryStore({ value: json<number>() })
 * of({ flight: 'AA1', delay: 5 }, { flight: 'AA2', delay: 0 }).pipe(
 *   upsertKV(delays, record => [record.flight, record.delay]),
 * ).subscribe(record => console.log(record.flight, 'is stored'))
 * ```
 *
 * @param entryOf the key and the value to write for a record
 */
export function upsertKV<T, V>(
  store: KVStore<V>,
  entryOf: (record: T) => readonly [key: string, value: V],
  options: WriteOptions = {},
): OperatorFunction<T, T> {
  const { expireAfter } = options
  checkExpiry(expireAfter)
  const access = accessOf(store)
  return asking<T, Mutation<V>, RecordWrite<T, V>, never, T>(
    {
      question: record => {
        const [key, value] = entryOf(record)
        return { type: 'put', key, value, expireAfter }
      },
      callback: 'entryOf',
      asking: (put, record, place, answers) => new RecordWrite(put, record, place, answers),
      ask: write => access.write(write.question, write),
      output: record => record,
    },
    options,
  )
}
