import type { Observable } from 'rxjs'
import { KVError, type KVErrorCode } from '../base/errors.ts'
import type { ExpectedVersion } from '../contract/engine.ts'
import type { KVStore, ListOptions, Mutation } from '../store/kv-store.ts'

/** One call of a store, as data: to generate, shrink, print, and carry out on a store or on a {@link KVModel}. */
export type Operation<V> =
  | { readonly type: 'get' | 'entry'; readonly key: string }
  | { readonly type: 'getAll' | 'entryAll' | 'deleteAll'; readonly keys: readonly string[] }
  | {
      readonly type: 'put'
      readonly key: string
      readonly value: V
      readonly ifVersion?: ExpectedVersion | undefined
    }
  | { readonly type: 'putAll'; readonly entries: readonly (readonly [key: string, value: V])[] }
  | { readonly type: 'delete'; readonly key: string; readonly ifVersion?: number | undefined }
  | {
      readonly type: 'update'
      readonly key: string
      /** Makes the new value; `undefined` deletes. */
      readonly next: (current: V | undefined) => V | undefined
    }
  | { readonly type: 'transact'; readonly writes: readonly Mutation<V>[] }
  | { readonly type: 'entries' | 'keys'; readonly options: ListOptions }

/** The outcome of an operation: its result (a map as the list of its entries), or the code of its error. */
export type Outcome = { readonly result: unknown } | { readonly error: KVErrorCode }

function call$<V>(store: KVStore<V>, operation: Operation<V>): Observable<unknown> {
  switch (operation.type) {
    case 'get':
      return store.get$(operation.key)
    case 'entry':
      return store.entry$(operation.key)
    case 'getAll':
      return store.getAll$(operation.keys)
    case 'entryAll':
      return store.entryAll$(operation.keys)
    case 'put':
      return store.put$(operation.key, operation.value, { ifVersion: operation.ifVersion })
    case 'putAll':
      return store.putAll$(operation.entries)
    case 'delete':
      return store.delete$(operation.key, { ifVersion: operation.ifVersion })
    case 'deleteAll':
      return store.deleteAll$(operation.keys)
    case 'update':
      return store.update$(operation.key, operation.next)
    case 'transact':
      return store.transact$(operation.writes)
    case 'entries':
      return store.entries$(operation.options)
    case 'keys':
      return store.keys$(operation.options)
  }
}

/**
 * Carries out an operation on a store, starting at once; rejects if the store breaks the rule of one result or one
 * `KVError`.
 *
 * @example
 * ```ts
 * import { json, memoryStore } from 'rxkeeper'
 * import { KVModel, performOperation } from 'rxkeeper/testing'
 *
 * await using store = memoryStore({ value: json<number>() })
 * const model = new KVModel<number>()
 * const operation = { type: 'put', key: 'alice', value: 1, ifVersion: 'absent' } as const
 * console.log(await performOperation(store, operation)) // { result: { key: 'alice', value: 1, version: 0 } }
 * console.log(model.perform(operation)) // { result: { key: 'alice', value: 1, version: 0 } }
 * ```
 */
export function performOperation<V>(store: KVStore<V>, operation: Operation<V>): Promise<Outcome> {
  const isList = operation.type === 'entries' || operation.type === 'keys'
  return new Promise((resolve, reject) => {
    const results: unknown[] = []
    call$(store, operation).subscribe({
      next: result => results.push(result instanceof Map ? [...result] : result),
      error: error => {
        if (error instanceof KVError && (isList || results.length === 0)) resolve({ error: error.code })
        else reject(error)
      },
      complete: () => {
        if (isList) resolve({ result: results })
        else if (results.length === 1) resolve({ result: results[0] })
        else reject(new Error(`${operation.type} emitted ${results.length} values`))
      },
    })
  })
}
