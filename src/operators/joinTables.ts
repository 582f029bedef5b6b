import { Observable } from 'rxjs'
import { oneOf } from '../base/arguments.ts'
import { KVError } from '../base/errors.ts'
import { accessOf } from '../store/access.ts'
import type { Change, KVStore } from '../store/kv-store.ts'
import { TablesJoin } from './internal/tables-join.ts'

/** Options of {@link joinTables$}. */
export interface JoinTablesOptions<L, R, V, K extends 'inner' | 'left' = 'inner'> {
  /** The key in the right table that an entry of the left table refers to; `undefined` for none. It must be pure. */
  readonly foreignKey: (left: L, key: string) => string | undefined
  /** Makes the result of an entry of the left table and what the right table has under its foreign key. It must be pure. */
  readonly join: (left: L, right: K extends 'inner' ? R : R | undefined, key: string) => V
  /**
   * Whether an entry of the left table has a result also where the right table has none for it (`'left'`).
   * @defaultValue `'inner'`: it has not
   */
  readonly type?: K | undefined
}

/**
 * Joins two tables by a foreign key, and keeps the result in a third: under each key of the left table what `join` makes of
 * the entry and of the one that it refers to in the right table. Changes of either side update the result: one of the right
 * table that of all entries which refer to it.
 *
 * All three tables are followed and held in memory, with an index of the left by foreign key. A result is written where it is
 * not what follows from the other two, on the condition that it is as it was seen. So it comes to be right whatever
 * happens: if the process dies at any moment, another goes on from what is there; a process that was frozen overwrites nothing
 * newer; the result table belongs to the join, and **what else is written to it is put right, or deleted**. Several
 * processes may run the same join, though one does; run it where `ownPartitions$` gives a partition to have one at a time.
 *
 * Emits what it did to the result table, once durable: `put` and `delete`, as `changes$` does; and `synced` each time that the
 * result has caught up with both tables. Never completes. Waits while the changes of a table may be missed, as the connection
 * is lost. Ends with an error: `CALLBACK` where `foreignKey` or `join` throws, `CODEC` or `VALUE_TOO_LARGE` for a result that
 * cannot be stored; `CLOSED` when a store is closed; `AUTH`, `QUOTA`, …. `INVALID_ARGUMENT`, at once, for a bad option.
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
 * @param result the table of the results: has nothing else in it
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
