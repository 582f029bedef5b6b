import { concat, type Observable } from 'rxjs'
import { wholeNumber } from '../base/arguments.ts'
import { KVError } from '../base/errors.ts'
import { timingOf } from '../base/timing.ts'
import { parseStoreUrl } from './store-url.ts'
import { accessOf } from './zookeeper/access.ts'
import { type NodeAcl, visitAcls$ } from './zookeeper/acl.ts'
import { checkRoot } from './zookeeper/layout/key-layout.ts'
import { parseServers } from './zookeeper/session/addresses.ts'
import { ofTheProcess } from './zookeeper/session/surroundings.ts'
import { ensemblesOf, type ZooKeeperStoreOptions } from './zookeeper/store.ts'
import { parseAcl } from './zookeeper/wire/acl.ts'
import { zookeeperOptionsOf } from './zookeeper-options.ts'

const SESSION = 15_000
/** The longest delay of a Node timer, in milliseconds. */
const LONGEST = 0x7fff_ffff

/** Options of {@link storeAcl$}. */
export interface StoreAclOptions {
  /** The list for every node, as in the option `acl` of a store; without it, nothing is changed. */
  readonly acl?: readonly string[] | undefined
  /**
   * The timeout of an answer, in milliseconds.
   * @defaultValue 10000
   */
  readonly timeout?: number | undefined
}

/**
 * Reads the access control lists of all nodes of a store on ZooKeeper, or, with `acl`, replaces them. Needs no open
 * store, and does not disturb any.
 *
 * Emits each node once, children first: keys, buckets, nodes beside the keys, and at last the root; then completes.
 * Nodes created meanwhile have the `acl` of the store that creates them. If it was interrupted, run it again: it
 * changes the remaining nodes.
 *
 * Errors: `AUTH` if reading a node, or changing its list (which takes the permission `a`), is not permitted; `TIMEOUT`
 * if an answer does not come within `timeout`; `INVALID_ARGUMENT` for an invalid list, and `UNSUPPORTED` for a store
 * that is not on ZooKeeper.
 *
 * @example
 * ```ts
 * import { firstValueFrom, lastValueFrom } from 'rxjs'
 * import { storeAcl$, text, zookeeperStore } from 'rxkeeper'
 *
 * const place = { servers: 'localhost:2181', root: '/demo-acl', credentials: { user: 'alice', password: 'secret' } }
 * await using store = zookeeperStore({ ...place, value: text })
 * await firstValueFrom(store.put$('plan', 'attack at dawn'))
 * const root = await lastValueFrom(storeAcl$(place, { acl: ['auth::cdrwa', 'world:anyone:r'] }))
 * console.log(root.changed) // true
 * ```
 *
 * @param store its URL, as in {@link openStore}, or its options
 */
export function storeAcl$(
  store: string | Omit<ZooKeeperStoreOptions<never>, 'value'>,
  { acl, timeout = 10_000 }: StoreAclOptions = {},
): Observable<NodeAcl> {
  const options = typeof store === 'string' ? optionsOf(store) : store
  const { root, sessionTimeout = SESSION } = options
  checkRoot(root)
  const wanted = acl === undefined ? undefined : parseAcl(acl)
  const { tls, credentials } = accessOf(options)
  if (wanted?.some(({ scheme }) => scheme === 'auth') && credentials === undefined && tls?.certified !== true)
    throw new KVError('INVALID_ARGUMENT', "acl: 'auth' needs credentials, or a certificate in `tls`")
  const place = {
    root,
    tls,
    credentials,
    patience: wholeNumber('timeout', timeout, 1, LONGEST),
    timeout: sessionTimeout,
  }
  const surroundings = { ...ofTheProcess, timing: timingOf(options.scheduler) }
  return concat(
    ...ensemblesOf(options).map(servers =>
      visitAcls$({ ...place, servers: parseServers(servers) }, wanted, surroundings),
    ),
  )
}

function optionsOf(url: string): Omit<ZooKeeperStoreOptions<never>, 'value'> {
  const address = parseStoreUrl(url)
  if (address.type === 'zookeeper') return zookeeperOptionsOf(address, process.env)
  throw new KVError('UNSUPPORTED', `a store '${address.type}:' has no access control lists`)
}
