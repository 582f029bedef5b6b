import type { OperatorFunction } from 'rxjs'
import { KVError } from '../base/errors.ts'
import { accessOf } from '../store/access.ts'
import type { Entry, KVStore } from '../store/kv-store.ts'
import { Update } from '../store/operations.ts'
import { asking } from './internal/each-record.ts'
import type { Answers, Asking } from './internal/pump.ts'
import type { OperatorOptions } from './options.ts'

/** The update of one record. */
class RecordUpdate<T, V> extends Update<V> implements Asking<T, string> {
  readonly record: T
  readonly place: number
  readonly #answers: Answers<V>
  readonly #transform: (record: T, current: V | undefined) => V | undefined

  constructor(
    key: string,
    record: T,
    place: number,
    answers: Answers<V>,
    transform: (record: T, current: V | undefined) => V | undefined,
  ) {
    super(key)
    this.record = record
    this.place = place
    this.#answers = answers
    this.#transform = transform
  }

  get question(): string {
    return this.key
  }

  override get withdrawn(): boolean {
    return !this.#answers.wants(this.place)
  }

  next(current: V | undefined): V | undefined {
    return this.#transform(this.record, current)
  }

  protected answered(result: Entry<V> | undefined | KVError): void {
    if (result instanceof KVError) this.#answers.failed(this, result)
    else this.#answers.answered(this, result?.value)
  }
}

/**
 * Updates the value of each record's key: reads, computes and writes atomically, with any number of writers.
 *
 * Each record is a write of its own, so a watcher may see each of them, and the records of one key wait for each other.
 * `processKV` writes a key once for many records and is much faster; use this if every step counts.
 *
 * Emits `[record, new value]` once that is durable, in the order of the records, and completes when the source has
 * completed and all updates are done. The first error ends it, after the results of the records before: `CALLBACK` if
 * `keyOf` or `transform` throws, else the store's error; later records of other keys may have been written. An error of
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
 * @param transform the new value; `undefined` deletes the key. May be called again after a conflict: it must be pure
 * @typeParam F the type of `transform`, from which that of the new value is inferred
 */
export function updateKV<
  T,
  V,
  F extends (record: NoInfer<T>, value: NoInfer<V> | undefined) => NoInfer<V> | undefined,
>(
  store: KVStore<V>,
  keyOf: (record: T) => string,
  transform: F,
  options: OperatorOptions = {},
): OperatorFunction<T, [record: T, value: ReturnType<F>]> {
  const access = accessOf(store)
  return asking<T, string, RecordUpdate<T, V>, V, [T, ReturnType<F>]>(
    {
      question: keyOf,
      callback: 'keyOf',
      asking: (key, record, place, answers) => new RecordUpdate(key, record, place, answers, transform),
      // The store keeps the order of a key's updates, and combines those requested together into one write.
      ask: update => access.update(update),
      output: (record, value) => [record, value as ReturnType<F>],
    },
    options,
    1024,
  )
}
