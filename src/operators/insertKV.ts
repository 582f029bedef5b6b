import type { OperatorFunction } from 'rxjs'
import type { KVError } from '../base/errors.ts'
import { accessOf } from '../store/access.ts'
import type { KVStore, Mutation } from '../store/kv-store.ts'
import { checkExpiry } from './internal/arguments.ts'
import { RecordWrite } from './internal/askings.ts'
import { asking } from './internal/each-record.ts'
import type { WriteOptions } from './options.ts'

/** The insert of one record. */
class Insert<T, V> extends RecordWrite<T, V, boolean> {
  override written(): void {
    this.answers.answered(this, true)
  }

  override failed(error: KVError): void {
    if (error.code === 'VERSION_CONFLICT') this.answers.answered(this, false)
    else this.answers.failed(this, error)
  }
}

/**
 * Writes an entry for each record, unless its key exists: a sink that drops repeats. With the identity of a record as
 * the key, `identityOf(partition, position)`, each is stored once, however often, and by however many processes, it is
 * processed.
 *
 * Records that arrive together are written together, but independently of each other.
 *
 * Emits `[record, inserted]` once the entry is durable, in the order of the records; `inserted` is false if the key
 * existed. Completes when the source has completed and all writes are done. The first error ends it, after the results
 * of the records before: `CALLBACK` if `entryOf` throws, else the store's error; later records may have been written.
 * An error of the source passes at once; unsubscribing withdraws what has not been sent. `INVALID_ARGUMENT`, at once,
 * for a bad option.
 *
 * @example
 * ```ts
 * import { of } from 'rxjs'
 * import { identityOf, insertKV, json, memoryStore } from 'rxkeeper'
 *
 * const payments = memoryStore({ value: json<number>() })
 * const delivered = { partition: 'payments', position: 7, amount: 20 }
 * of(delivered, delivered).pipe(
 *   insertKV(payments, ({ partition, position, amount }) => [identityOf(partition, position), amount]),
 * ).subscribe(([{ amount }, inserted]) => console.log(amount, inserted)) // 20 true, 20 false
 * ```
 *
 * @param entryOf the key and the value to write for a record
 */
export function insertKV<T, V>(
  store: KVStore<V>,
  entryOf: (record: T) => readonly [key: string, value: V],
  options: WriteOptions = {},
): OperatorFunction<T, [record: T, inserted: boolean]> {
  const { expireAfter } = options
  checkExpiry(expireAfter)
  const access = accessOf(store)
  return asking<T, Mutation<V>, Insert<T, V>, boolean, [T, boolean]>(
    {
      question: record => {
        const [key, value] = entryOf(record)
        return { type: 'put', key, value, ifVersion: 'absent', expireAfter }
      },
      callback: 'entryOf',
      asking: (put, record, place, answers) => new Insert(put, record, place, answers),
      ask: insert => access.write(insert.question, insert),
      output: (record, inserted) => [record, inserted!],
    },
    options,
  )
}
