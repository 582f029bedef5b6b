import type { Observable, Subscription } from 'rxjs'
import { KVError } from '../../errors.ts'
import { type BulkTarget, bulkOf } from '../../store/bulk.ts'
import type { KVStore, Mutation, MutationResult } from '../../store/kv-store.ts'

/**
 * Asks one question after the other, until `call` is unsubscribed. Hears of each answer once, whatever Observable the
 * store is made of.
 */
export function each<A>(
  count: number,
  ask: (index: number) => Observable<A>,
  settle: (index: number, answer: A | KVError) => void,
  call: Subscription,
): void {
  // Not added to `call` one by one: each that ends would be searched for in it.
  const asked: Subscription[] = []
  call.add(() => {
    for (const subscription of asked) subscription.unsubscribe()
  })
  for (let index = 0; index < count && !call.closed; index++) {
    let settled = false
    const once = (answer: A | KVError): void => {
      if (settled) return
      settled = true
      settle(index, answer)
    }
    asked.push(
      ask(index).subscribe({
        next: once,
        error: (error: unknown) => once(KVError.from(error, 'ENGINE', 'the store failed')),
        complete: () => {
          if (!settled) once(new KVError('ENGINE', 'the store completed without an answer'))
        },
      }),
    )
  }
}

/** Reads each of `keys` for itself. */
export function readAll<V>(
  store: KVStore<V>,
  keys: readonly string[],
  target: BulkTarget<V>,
  call: Subscription,
): void {
  const bulk = bulkOf(store)
  if (bulk !== undefined) {
    call.add(bulk.read(keys, target))
    return
  }
  const settle = (index: number, answer: { value: V; version: number } | KVError | undefined): void => {
    if (answer instanceof KVError) target.settle(index, answer, undefined, -1)
    else target.settle(index, undefined, answer?.value, answer?.version ?? -1)
  }
  const settleAll = (
    _: number,
    answer: ReadonlyMap<string, { value: V; version: number }> | KVError,
  ): void => {
    if (!(answer instanceof KVError)) {
      for (let i = 0; i < keys.length; i++) settle(i, answer.get(keys[i]!))
    } else if (answer.key === undefined || keys.length === 1) {
      for (let i = 0; i < keys.length; i++) settle(i, answer)
    } else {
      // One key cannot be read; by themselves, the others can.
      each(keys.length, index => store.entry$(keys[index]!), settle, call)
    }
  }
  each(1, () => store.entryAll$(keys), settleAll, call)
}

/** Carries out each of `writes` for itself, those of one key in order. */
export function writeAll<V>(
  store: KVStore<V>,
  writes: readonly (Mutation<V> & { readonly type: 'put' | 'delete' })[],
  target: BulkTarget<V>,
  call: Subscription,
): void {
  const bulk = bulkOf(store)
  if (bulk !== undefined) {
    call.add(bulk.write(writes, target))
    return
  }
  each<unknown>(
    writes.length,
    index => {
      const write = writes[index]!
      return write.type === 'put' ? store.put$(write.key, write.value) : store.delete$(write.key)
    },
    (index, answer) => target.settle(index, answer instanceof KVError ? answer : undefined, undefined, -1),
    call,
  )
}

/** Carries out all of `writes` or none. */
export function transact<V>(
  store: KVStore<V>,
  writes: readonly Mutation<V>[],
  settle: (answer: readonly MutationResult<V>[] | KVError) => void,
  call: Subscription,
): void {
  each(
    1,
    () => store.transact$(writes),
    (_, answer) => settle(answer),
    call,
  )
}
