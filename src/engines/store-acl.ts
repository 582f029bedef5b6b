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
/** The longest time that a timer can be set for, in milliseconds. */
const LONGEST = 0x7fff_ffff

/** Options of {@link storeAcl$}. */
export interface StoreAclOptions {
  /** The list to give to each node, as the option `acl` of a store; without it nothing is changed. */
  readonly acl?: readonly string[] | undefined
  /**
   * How long an answer may take, in milliseconds.
   * @defaultValue 10000
   */
  readonly timeout?: number | undefined
}

/**
 * Who may do what with each node of a store on ZooKeeper, or, with `acl`, gives them all another access control list. Needs no
 * open store, and disturbs none.
 *
 * Emits each node once, what is below it first: keys, buckets, nodes beside the keys, and at last the root; completes behind it. What is
 * created meanwhile has the `acl` of the store that creates it. Broken off, the same again goes on: it changes what is not so yet.
 *
 * Errors: `AUTH` where a node may not be read, or its list not be changed (that takes the permission `a`); `TIMEOUT` where an answer
 * does not come within `timeout`; `INVALID_ARGUMENT` for what is no list, and `UNSUPPORTED` for a store that is not on ZooKeeper.
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
 * @param store its URL, as {@link openStore} takes it, or its options
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
