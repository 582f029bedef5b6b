import { defer, distinctUntilChanged, filter, map, type Observable } from 'rxjs'
import { type KVStore, parseWindowKey } from 'rxkeeper'
import type { Hour } from './departure.ts'
import { LastDay, type Top } from './last-day.ts'

const isSame = (a: Top, b: Top): boolean =>
  a.until === b.until &&
  a.airports.length === b.airports.length &&
  a.airports.every((ranked, i) => ranked === b.airports[i])

/**
 * The airports with the most delay in the last day, now and whenever that changes: follows the store, whoever writes
 * it. Emits the first when all that is in the store has been read.
 */
export const top$ = (store: Pick<KVStore<Hour>, 'changes$'>, count: number): Observable<Top> =>
  defer(() => {
    const day = new LastDay()
    let synced = false
    return store.changes$().pipe(
      filter(change => {
        if (change.type === 'synced') synced = true
        else if (isHour(change.key)) day.set(change.key, change.type === 'put' ? change.value : undefined)
        return synced
      }),
      map(() => day.top(count)),
      distinctUntilChanged(isSame),
    )
  })

/** Whether a key is of this program, and not of somebody else who uses the same store. */
export const isHour = (storeKey: string): boolean => parseWindowKey(storeKey) !== undefined
