import { KVError } from '../base/errors.ts'
import { parseServers } from './zookeeper/session/addresses.ts'

/** The parsed URL of a store. */
export type StoreAddress =
  | { readonly type: 'memory' }
  | { readonly type: 'lmdb'; readonly path: string; readonly root: string | undefined }
  | {
      readonly type: 'zookeeper'
      /** The servers of one ensemble, or of several with a `;` between them. */
      readonly servers: string
      /** Whether connections use TLS: `zookeeper+tls://`. */
      readonly tls: boolean
      readonly root: string | undefined
      readonly user: string | undefined
      readonly password: string | undefined
      readonly options: Readonly<Record<string, string>>
    }

const FORMS = "'zookeeper[+tls]://[user[:password]@]host[:port][,…][;…]/root', 'lmdb:FOLDER' or 'memory:'"

/** The options of `zookeeperStore`, and of `lmdbStore`, that a URL may have. */
const ZOOKEEPER_OPTIONS = [
  'acl',
  'scheme',
  'buckets',
  'consistency',
  'followServers',
  'sessionTimeout',
  'maxPacketBytes',
]
const TLS_OPTIONS = ['ca', 'cert', 'key', 'pfx', 'servername']
const LMDB_OPTIONS = ['root']

/** The characters that must be encoded unless they separate two parts. */
const ENCODED = "'/', '@', ':' and '?' in a user or password, and '@' after them, must be percent-encoded"

const invalid = (message: string): KVError => new KVError('INVALID_ARGUMENT', message)

/**
 * Parses a store's URL, as in {@link openStore}, without opening the store; throws `INVALID_ARGUMENT` for an invalid
 * one, with a message that does not show anything that may be a password.
 *
 * @example
 * ```ts
 * import { parseStoreUrl } from 'rxkeeper'
 *
 * const address = parseStoreUrl('zookeeper://a:2181,b:2181/visits')
 * console.log(address.type === 'zookeeper' && address.servers) // a:2181,b:2181
 * ```
 */
export function parseStoreUrl(url: string): StoreAddress {
  if (url === 'memory:') return { type: 'memory' }
  if (url.startsWith('lmdb:')) return lmdbAddress(url)
  const match = /^zookeeper(\+tls)?:\/\/(?:([^/]*)@)?([^/@?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(url)
  if (match === null) throw invalid(`${showStoreUrl(url)} is no URL of a store; expected ${FORMS}`)
  const [, secured, userInfo, servers = '', path, query = ''] = match
  // Text in the place of the path or an option may be a part of a password.
  if (path?.includes('@') || query.includes('@'))
    throw invalid(`${showStoreUrl(url)} cannot be read: ${ENCODED}`)
  const colon = userInfo?.indexOf(':') ?? -1
  return {
    type: 'zookeeper',
    servers: checkServers(servers, url),
    tls: secured !== undefined,
    root: path === undefined ? undefined : `/${decode('root', path)}`,
    user:
      userInfo === undefined ? undefined : decode('user', colon < 0 ? userInfo : userInfo.slice(0, colon)),
    password: userInfo === undefined || colon < 0 ? undefined : decode('password', userInfo.slice(colon + 1)),
    options: queryOf(
      query,
      secured === undefined ? ZOOKEEPER_OPTIONS : [...ZOOKEEPER_OPTIONS, ...TLS_OPTIONS],
    ),
  }
}

function lmdbAddress(url: string): StoreAddress {
  const [, path, query = ''] = /^lmdb:([^?]+)(?:\?(.*))?$/s.exec(url) ?? []
  if (path === undefined) throw invalid("a store's URL 'lmdb:' needs a folder: 'lmdb:FOLDER'")
  return { type: 'lmdb', path: decode('folder', path), root: queryOf(query, LMDB_OPTIONS).root }
}

/**
 * A store's URL without its password, safe to show.
 *
 * @example
 * ```ts
 * import { showStoreUrl } from 'rxkeeper'
 *
 * console.log(showStoreUrl('zookeeper://alice:secret@a:2181/visits')) // zookeeper://alice:***@a:2181/visits
 * ```
 */
export function showStoreUrl(url: string): string {
  const end = url.lastIndexOf('@')
  if (end < 0 || url.startsWith('lmdb:')) return url
  // Whatever is wrong with the URL, only a user name is shown of the text before the '@'.
  const userEnd = /^zookeeper(?:\+tls)?:\/\/[^:/@]*/.exec(url)?.[0].length ?? 0
  return userEnd === end ? url : `${url.slice(0, userEnd)}${userEnd === 0 ? '' : ':'}***${url.slice(end)}`
}

function checkServers(servers: string, url: string): string {
  try {
    for (const ensemble of servers.split(';')) parseServers(ensemble)
    return servers
  } catch (error) {
    // Text in the place of the servers may be the beginning of a password.
    if (!url.includes('@')) throw error
    throw invalid(`the servers of ${showStoreUrl(url)} cannot be read: ${ENCODED}`)
  }
}

function decode(what: string, text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw invalid(`the ${what} in a store's URL must be percent-encoded: '%' itself is '%25'`)
  }
}

function queryOf(query: string, allowed: readonly string[]): Record<string, string> {
  const options: Record<string, string> = {}
  for (const part of query.split('&')) {
    if (part === '') continue
    const [, name = '', value = ''] = /^([^=]*)=?(.*)$/s.exec(part) ?? []
    if (!allowed.includes(name)) {
      throw invalid(
        `this store's URL has no option '${name}' but ${allowed.join(', ')} ('?' in a name is written '%3F')`,
      )
    }
    if (name in options) throw invalid(`the option '${name}' is twice in a store's URL`)
    options[name] = decode(name, value)
  }
  return options
}
