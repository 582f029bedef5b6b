import type { OperatorFunction } from 'rxjs'
import { accessOf } from '../store/access.ts'
import type { KVStore } from '../store/kv-store.ts'
import { RecordRead } from './internal/askings.ts'
import { asking } from './internal/each-record.ts'
import type { OperatorOptions } from './options.ts'

/** Options of {@link lookupKV}. */
export interface LookupOptions<T, V, R = unknown> extends OperatorOptions {
  /**
   * Makes the output of a record and the stored value of its key.
   * @defaultValue `[record, stored]`
   */
  readonly project?: ((record: T, stored: V | undefined) => R) | undefined
}

/**
 * Looks up the stored value of each record's key: a stream-table join.
 *
 * Records that arrive together are looked up together. A lookup followed by a write of the same key is only safe inside
 * `perKey`; use `processKV` for that.
 *
 * Emits `[record, stored]` for each record (`stored` is `undefined` if the key is absent), or the result of `project`,
 * in the order of the records; completes when the source has completed and all lookups are done. The first error ends
 * it, after the results of the records before: `CALLBACK` if `keyOf` or `project` throws, else the store's error. An
 * error of the source passes at once. `INVALID_ARGUMENT`, at once, for a bad option.
 *
 * @example
 * ```ts
 * import { of, switchMap } from 'rxjs'
 * import { lookupKV, memoryStore, text } from 'rxkeeper'
 *
 * const names = memoryStore({ value: text })
 * names.put$('JFK', 'New York').pipe(
 *   switchMap(() => of({ to: 'JFK' }, { to: 'XYZ' })),
 *   lookupKV(names, flight => flight.to, { project: (flight, name = 'nowhere') => `${flight.to}: ${name}` }),
 * ).subscribe(line => console.log(line)) // JFK: New York, XYZ: nowhere
 * ```
 *
 * @param keyOf the key of a record
 */
export function lookupKV<T, V, R = [record: T, stored: V | undefined]>(
  store: KVStore<V>,
  keyOf: (record: T) => string,
  options: LookupOptions<NoInfer<T>, NoInfer<V>, R> = {},
): OperatorFunction<T, R> {
  const pair = (record: T, stored: V | undefined): R => [record, stored] as R
  const access = accessOf(store)
  return asking<T, string, RecordRead<T, V>, V, R>(
    {
      question: keyOf,
      callback: 'keyOf',
      known: key => access.known(key),
      asking: (key, record, place, answers) => new RecordRead(key, record, place, answers),
      ask: read => access.ask(read),
      output: options.project ?? pair,
    },
    options,
  )
}
