import { filter, firstValueFrom, type Observable } from 'rxjs'
import { type AnyStore, bytes, type KVStore, type ZooKeeperStoreOptions, zookeeperStore } from 'rxkeeper'

/** How many single calls our store gets in flight: what the operators have by default. */
export const OUR_IN_FLIGHT = 4096

/** A connected store of bytes: what the plain client deals in. */
export async function connectOurs(
  servers: string,
  root: string,
  options: Pick<ZooKeeperStoreOptions<never>, 'cache' | 'buckets' | 'tls'> = {},
): Promise<KVStore<Uint8Array>> {
  // What is compared is made by others, for everybody.
  const store = zookeeperStore({ servers, root, value: bytes, acl: 'open', ...options })
  await connected(store)
  return store
}

export const connected = (store: AnyStore): Promise<unknown> =>
  firstValueFrom(store.status$.pipe(filter(({ state }) => state === 'connected')))

/** Subscribes; settles with the number of values at completion. */
export function counted(values$: Observable<unknown>): Promise<number> {
  return new Promise((resolve, reject) => {
    let count = 0
    values$.subscribe({ next: () => count++, error: reject, complete: () => resolve(count) })
  })
}

/** Subscribes without looking at the values; `done` at the end. */
export const begin = (call$: Observable<unknown>, done: (error?: unknown) => void): void => {
  call$.subscribe({ error: done, complete: done })
}
