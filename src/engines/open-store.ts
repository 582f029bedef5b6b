import { KVError } from '../base/errors.ts'
import type { KVStore, StoreOptions } from '../store/kv-store.ts'
import { lmdbStoreFor } from './lmdb/store.ts'
import { memoryStore } from './memory/store.ts'
import { parseStoreUrl } from './store-url.ts'
import { zookeeperStoreFor } from './zookeeper/store.ts'
import { type Environment, zookeeperOptionsOf } from './zookeeper-options.ts'

/**
 * Opens the store of a URL, so that one argument decides whether a program runs on memory or on an ensemble:
 *
 * - `memory:` in memory, a new store each time,
 * - `lmdb:FOLDER` or `lmdb:FOLDER?root=NAME`, durable in a folder; needs the npm package `lmdb`. Folder and name are
 *   percent-encoded where they have a `%` (`%25`), `?` (`%3F`) or `&` (`%26`),
 * - `zookeeper://host:port,host:port/root`, with `user:password@` before the hosts, and as query `scheme` (`sasl` for
 *   SASL DIGEST-MD5), `acl` (`open`, `creator`, or entries with a comma between), `buckets`, `consistency`,
 *   `sessionTimeout` and `maxPacketBytes`. User, password and root are percent-encoded. Of several ensembles, the hosts
 *   of each with a `;` between: `zookeeper://a,b,c;d,e,f/root`,
 * - `zookeeper+tls://host:port/root` by TLS, with files as query: `ca` (PEM; without it the authorities that Node
 *   knows), `cert` and `key` (PEM) or `pfx` to show a certificate, and `servername`. They are read again for each
 *   connection.
 *
 * Without a URL the environment variable `RXKEEPER_STORE` names it. `RXKEEPER_PASSWORD` is the password of a user that
 * has none in the URL, `RXKEEPER_TLS_PASSPHRASE` that of `key` or `pfx`. Throws `INVALID_ARGUMENT` for what is no URL
 * of a store, and what the stores throw.
 *
 * @example
 * ```ts
 * import { firstValueFrom } from 'rxjs'
 * import { json, openStore } from 'rxkeeper'
 *
 * await using store = openStore('memory:', { value: json<number>() })
 * console.log((await firstValueFrom(store.put$('alice', 1))).version) // 0
 * ```
 *
 * @param url the URL of the store; by default that of the environment
 * @param options the codec, and what every store takes
 * @param environment the variables; those of the process by default
 */
export function openStore<V>(
  url: string | undefined,
  options: StoreOptions<V>,
  environment: Environment = process.env,
): KVStore<V> {
  return openFor(undefined, url, options, environment)
}

/** {@link openStore} for a run of a move of this name, which seals do not shut out. */
export function openFor<V>(
  mover: string | undefined,
  url: string | undefined,
  options: StoreOptions<V>,
  environment: Environment = process.env,
): KVStore<V> {
  const given = url ?? environment.RXKEEPER_STORE
  if (given === undefined || given === '') {
    throw new KVError(
      'INVALID_ARGUMENT',
      "no store is named; give a URL such as 'lmdb:FOLDER', or RXKEEPER_STORE",
    )
  }
  const address = parseStoreUrl(given)
  if (address.type === 'memory') return memoryStore(options)
  if (address.type === 'lmdb')
    return lmdbStoreFor({ ...options, path: address.path, root: address.root }, mover)
  return zookeeperStoreFor({ ...options, ...zookeeperOptionsOf(address, environment) }, mover)
}
