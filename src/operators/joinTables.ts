import { Observable } from 'rxjs'
import { oneOf } from '../base/arguments.ts'
import { KVError } from '../base/errors.ts'
import { accessOf } from '../store/access.ts'
import type { Change, KVStore } from '../store/kv-store.ts'
import { TablesJoin } from './internal/tables-join.ts'

/** Options of {@link joinTables$}. */
export interface JoinTablesOptions<L, R, V, K extends 'inner' | 'left' = 'inner'> {
  /** The key in the right table that an entry of the left table refers to; `undefined` for none. Must be pure. */
  readonly foreignKey: (left: L, key: string) => string | undefined
  /** Makes the result of an entry of the left table and the right table's value under its foreign key. Must be pure. */
  readonly join: (left: L, right: K extends 'inner' ? R : R | undefined, key: string) => V
  /**
   * With `'left'`, an entry of the left table has a result even if the right table has no value for it.
   * @defaultValue `'inner'`: it has none
   */
  readonly type?: K | undefined
}

/**
 * Joins two tables by a foreign key, and keeps the result in a third: under each key of the left table, the result of
 * `join` for its entry and the entry of the right table that it refers to. Changes of either side update the result: a
 * change in the right table updates all entries that refer to it.
 *
 * All three tables are followed and held in memory, with an index of the left one by foreign key. A result that does
 * not follow from the other two is rewritten, on the condition that it has not changed meanwhile. So the result table
 * converges whatever happens: if the process dies at any moment, another goes on from the current state; a process that
 * was frozen overwrites nothing newer. The result table belongs to the join: **other writes to it are corrected, or
 * deleted**. Several processes may run the same join, though one suffices; run it where `ownPartitions$` emits a
 * partition to have one at a time.
 *
 * Emits its changes of the result table, once durable: `put` and `delete`, as `changes$` does; and `synced` whenever
 * the result has caught up with both tables. Never completes. Waits while the connection of a table is lost, when
 * changes may be missed. Fails with `CALLBACK` if `foreignKey` or `join` throws, `CODEC` or `VALUE_TOO_LARGE` for a
 * result that cannot be stored, `CLOSED` when a store is closed, `AUTH`, `QUOTA`, …. `INVALID_ARGUMENT`, at once, for a
 * bad option.
 *
 * @example
 * ```ts
 * import { firstValueFrom, lastValueFrom, skipWhile } from 'rxjs'
 * import { joinTables$, json, memoryStore } from 'rxkeeper'
 *
 * const orders = memoryStore({ value: json<{ user: string; item: string }>() })
 * const users = memoryStore({ value: json<{ city: string }>() })
 * const parcels = memoryStore({ value: json<string>() })
 * await lastValueFrom(orders.put$('17', { user: 'ann', item: 'teapot' }))
 * await lastValueFrom(users.put$('ann', { city: 'Rome' }))
 *
 * const joined$ = joinTables$(orders, users, parcels, {
 *   foreignKey: order => order.user,
 *   join: (order, user) => `${order.item} to ${user.city}`,
 * })
 * await firstValueFrom(joined$.pipe(skipWhile(({ type }) => type !== 'synced')))
 * console.log(await firstValueFrom(parcels.get$('17'))) // teapot to Rome
 * ```
 *
 * @param result the table of the results, with nothing else in it
 */
export function joinTables$<L, R, V, K extends 'inner' | 'left' = 'inner'>(
  left: KVStore<L>,
  right: KVStore<R>,
  result: KVStore<V>,
  options: JoinTablesOptions<NoInfer<L>, NoInfer<R>, NoInfer<V>, K>,
): Observable<Change<V>> {
  const { foreignKey, join, type = 'inner' } = options
  oneOf('type', type, ['inner', 'left'])
  if (result === (left as unknown) || result === (right as unknown)) {
    throw new KVError(
      'INVALID_ARGUMENT',
      '`result` must be a table of its own, it is one of those that are joined',
    )
  }
  const work = {
    left: accessOf(left),
    right: accessOf(right),
    result: accessOf(result),
    foreignKey,
    join: join as (left: L, right: R | undefined, key: string) => V,
    keepsLeft: type === 'left',
  }
  return new Observable(subscriber => void new TablesJoin(work, subscriber))
}
