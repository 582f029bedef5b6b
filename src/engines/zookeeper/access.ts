import { oneOf } from '../../base/arguments.ts'
import { KVError } from '../../base/errors.ts'
import type { Credentials } from './session/connection.ts'
import { type Tls, type TlsOptions, tlsOf } from './session/tls.ts'
import { type AclEntry, parseAcl } from './wire/acl.ts'

/** How a store authenticates, and who may access the nodes that it creates. */
export interface ZooKeeperAccess {
  /**
   * Secures connections with TLS: options with the names of Node's `tls.connect`, or a function that returns them for
   * each connection, such as {@link tlsFiles}. The servers' certificates must be issued by a trusted authority (`ca`)
   * for the hosts that are connected to. The client's certificate (`cert` and `key`, or `pfx`) is also an identity, in
   * ZooKeeper's scheme `x509`.
   * @defaultValue plain connections
   */
  readonly tls?: TlsOptions | (() => TlsOptions) | undefined
  /**
   * A user and password: for ZooKeeper's own scheme `digest`, which sends them; or, with `scheme: 'sasl'`, for SASL
   * DIGEST-MD5, which proves the password to servers that know the user.
   */
  readonly credentials?:
    | {
        readonly user: string
        readonly password: string
        /** @defaultValue 'digest' */
        readonly scheme?: 'digest' | 'sasl' | undefined
      }
    | undefined
  /**
   * Who may access the nodes that this store creates: everybody (`'open'`), clients with the same credentials or the
   * same name in the certificate (`'creator'`), or a list in the notation of ZooKeeper's command line,
   * `scheme:id:permissions`: `['auth::cdrwa', 'sasl:bob:r', 'x509:CN=carol:r', 'ip:10.0.0.0/8:r', 'world:anyone:r']`,
   * where `c`, `d`, `r`, `w` and `a` permit to create and delete children, to read, to write, and to change the list.
   * `storeAcl$` changes the list of existing nodes.
   * @defaultValue 'creator' with credentials or a certificate, 'open' without
   */
  readonly acl?: 'open' | 'creator' | readonly string[] | undefined
}

/** The part of it that the engine needs. */
export interface Access {
  readonly tls: Tls | undefined
  readonly credentials: Credentials | undefined
  readonly acl: readonly AclEntry[]
}

const LISTS = { open: ['world:anyone:cdrwa'], creator: ['auth::cdrwa'] } as const

function checkCredentials(credentials: unknown): Credentials | undefined {
  if (credentials === undefined) return undefined
  const { user, password, scheme = 'digest' } = (credentials ?? {}) as Partial<Credentials>
  const isUser = typeof user === 'string' && user !== '' && (scheme === 'sasl' || !user.includes(':'))
  if (!isUser || typeof password !== 'string') {
    // The password is not shown.
    throw new KVError('INVALID_ARGUMENT', "credentials: expected { user, password }, the user without ':'")
  }
  return {
    user,
    password,
    scheme: oneOf<'digest' | 'sasl'>('credentials.scheme', scheme, ['digest', 'sasl']),
  }
}

/** Validates the options; throws `INVALID_ARGUMENT`. */
export function accessOf(options: ZooKeeperAccess): Access {
  const credentials = checkCredentials(options.credentials)
  const tls = options.tls === undefined ? undefined : tlsOf(options.tls)
  const identified = credentials !== undefined || tls?.certified === true
  const given = options.acl ?? (identified ? 'creator' : 'open')
  const acl = parseAcl(
    Array.isArray(given) ? given : LISTS[oneOf('acl', given as 'open', ['open', 'creator'])],
  )
  if (!identified && acl.some(({ scheme }) => scheme === 'auth')) {
    throw new KVError(
      'INVALID_ARGUMENT',
      "acl: 'creator' and 'auth' need credentials, or a certificate in `tls`",
    )
  }
  return { tls, credentials, acl }
}
