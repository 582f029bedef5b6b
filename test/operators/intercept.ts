import { type Observable, switchMap, timer } from 'rxjs'
import type { KVStore } from '../../src/store/kv-store.ts'

/** One call of a store. */
export interface Call {
  readonly name: string
  readonly args: readonly unknown[]
}

export type Around = <R>(call: Call, result$: Observable<R>) => Observable<R>

/** A store of a user's making: it passes every call that emits on to `store`, through `around`. */
export function intercept<V>(store: KVStore<V>, around: Around): KVStore<V> {
  const through =
    <A extends unknown[], R>(name: string, call: (...args: A) => Observable<R>) =>
    (...args: A): Observable<R> =>
      around({ name, args }, call.apply(store, args))
  return {
    get$: through('get$', store.get$),
    entry$: through('entry$', store.entry$),
    getAll$: through('getAll$', store.getAll$),
    entryAll$: through('entryAll$', store.entryAll$),
    put$: through('put$', store.put$),
    putAll$: through('putAll$', store.putAll$),
    delete$: through('delete$', store.delete$),
    deleteAll$: through('deleteAll$', store.deleteAll$),
    update$: through('update$', store.update$),
    transact$: through('transact$', store.transact$),
    entries$: through('entries$', store.entries$),
    keys$: through('keys$', store.keys$),
    watch$: through('watch$', store.watch$),
    changes$: through('changes$', store.changes$),
    status$: store.status$,
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store.close(),
  }
}

/** Lets each call begin after so many milliseconds. */
export const delayed = <V>(store: KVStore<V>, delay: (call: Call) => number): KVStore<V> =>
  intercept(store, (call, result$) => timer(delay(call)).pipe(switchMap(() => result$)))

/** The keys that a call is about. */
export const keysOf = ({ args }: Call): string[] => {
  const [first] = args
  if (typeof first === 'string') return [first]
  return Array.from(first as Iterable<unknown>, item =>
    typeof item === 'string' ? item : (item as { key: string }).key,
  )
}
