import type { OperatorFunction } from 'rxjs'
import { accessOf } from '../store/access.ts'
import type { KVStore, Range } from '../store/kv-store.ts'
import { spanOf } from '../store/listing.ts'
import { wholeOrInfinite } from './internal/arguments.ts'
import { operate } from './internal/operate.ts'
import { TableJoin } from './internal/table-join.ts'

/** Options of {@link joinTableKV}. */
export interface TableJoinOptions<T, V, R = unknown> extends Range {
  /**
   * Makes the output of a record and the table's value under its key. The value is shared with other records (and
   * frozen, with `json`): do not change it.
   * @defaultValue `[record, stored]`
   */
  readonly project?: ((record: T, stored: V | undefined) => R) | undefined
  /**
   * How many records may wait for the table, from 1 to `Infinity`. A source that can be paused (`pull$`) is then
   * paused; records of other sources wait in memory.
   * @defaultValue 4096
   */
  readonly concurrency?: number | undefined
}

/**
 * Joins a stream with a changing table: works as `lookupKV`, but on a copy of the table in memory that follows it by
 * `changes$`, so that a record costs no request.
 *
 * Records wait until the table is read (`synced`), and again while the connection is lost, when changes may be missed.
 * A record sees every change that `changes$` emitted before it came; writes of this process itself are seen a moment
 * later, when `changes$` emits them. All entries of the table, or of the range in the options (`prefix`, or `from` and
 * `to`), are held in memory: decoded values, and each key twice.
 *
 * Emits `[record, stored]` for each record (`stored` is `undefined` if the key is absent, or outside of the range), or
 * the result of `project`, in the order of the records; completes when the source has completed and no record waits.
 * The first error ends it: `CALLBACK` if `keyOf` or `project` throws, `INVALID_KEY`, the errors of `changes$` (`CODEC`
 * for a value that cannot be decoded, `AUTH`, …), `CLOSED` when the store is closed. An error of the source passes at
 * once. `INVALID_ARGUMENT`, at once, for a bad option.
 *
 * @example
 * ```ts
 * import { lastValueFrom, of } from 'rxjs'
 * import { joinTableKV, memoryStore, text } from 'rxkeeper'
 *
 * const names = memoryStore({ value: text })
 * await lastValueFrom(names.put$('JFK', 'New York'))
 * of({ to: 'JFK' }, { to: 'XYZ' }).pipe(
 *   joinTableKV(names, flight => flight.to, { project: (flight, name = 'nowhere') => `${flight.to}: ${name}` }),
 * ).subscribe(line => console.log(line)) // JFK: New York, XYZ: nowhere
 * ```
 *
 * @param keyOf the key of a record
 */
export function joinTableKV<T, V, R = [record: T, stored: V | undefined]>(
  table: KVStore<V>,
  keyOf: (record: T) => string,
  options: TableJoinOptions<NoInfer<T>, NoInfer<V>, R> = {},
): OperatorFunction<T, R> {
  const pair = (record: T, stored: V | undefined): R => [record, stored] as R
  const { from, to, prefix, project = pair } = options
  const work = { range: { from, to, prefix }, keyOf, project }
  spanOf(work.range)
  const access = accessOf(table)
  const concurrency = wholeOrInfinite('concurrency', options.concurrency, 4096)
  return operate(concurrency, (destination, capacity) => new TableJoin(access, work, destination, capacity))
}
