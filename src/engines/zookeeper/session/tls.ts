import { readFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { type ConnectionOptions, connect, createSecureContext, type TLSSocket } from 'node:tls'
import { KVError } from '../../../base/errors.ts'
import type { ServerAddress } from './addresses.ts'

const OPTION_NAMES = [
  'ca',
  'cert',
  'key',
  'pfx',
  'passphrase',
  'crl',
  'ciphers',
  'minVersion',
  'maxVersion',
  'servername',
  'checkServerIdentity',
  'rejectUnauthorized',
] as const

/**
 * How connections are secured, by the names of Node's `tls.connect`: whom to trust (`ca`; without it the authorities
 * that Node knows), what to show (`cert` with `key`, or `pfx`, and its `passphrase`), which host the certificate must
 * be for (`servername`; without it the one that is connected to).
 */
export interface TlsOptions extends Pick<ConnectionOptions, (typeof OPTION_NAMES)[number]> {}

/** How the connections of a store are secured; its options are checked. */
export interface Tls {
  /** Whether we show a certificate. */
  readonly certified: boolean
  /** What the next connection is made with. */
  next(): ConnectionOptions
}

function secured(given: TlsOptions): ConnectionOptions {
  const unknown = Object.keys(given).find(name => !(OPTION_NAMES as readonly string[]).includes(name))
  if (unknown !== undefined) throw new Error(`there is no '${unknown}' but ${OPTION_NAMES.join(', ')}`)
  // Said here, so that no environment variable can switch it off.
  const rejectUnauthorized = given.rejectUnauthorized !== false
  return { ...given, rejectUnauthorized, secureContext: createSecureContext(given) }
}

/** What the option `tls` of a store means; throws `INVALID_ARGUMENT`. */
export function tlsOf(option: TlsOptions | (() => TlsOptions)): Tls {
  try {
    const given: unknown = typeof option === 'function' ? option() : option
    if (typeof given !== 'object' || given === null)
      throw new Error('expected options, or a function of them')
    const certified = 'cert' in given || 'pfx' in given
    // What is wrong with them is said now; what goes wrong later with a function is a connection that fails.
    const options = secured(given)
    return { certified, next: typeof option === 'function' ? () => secured(option()) : () => options }
  } catch (error) {
    throw new KVError('INVALID_ARGUMENT', `tls: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    })
  }
}

/** Begins to connect; whatever goes wrong, the socket tells. */
export function connectSecured({ host, port }: ServerAddress, tls: Tls): TLSSocket | Socket {
  try {
    return connect({ ...tls.next(), host, port }).setNoDelay()
  } catch (error) {
    return new Socket().destroy(error as Error)
  }
}

const UNTRUSTED = "the server's certificate is of an authority that is not trusted"
const REASONS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "the server's certificate has expired",
  CERT_NOT_YET_VALID: "the server's certificate is not valid yet",
  CERT_REVOKED: "the server's certificate is revoked",
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  ECONNRESET: 'the server ended the handshake; a port without TLS does so',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server answered something that is not TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the server answered something that is not TLS',
}

/**
 * Why a connection could not be secured, for people; `undefined` where it is not for TLS. The server may refuse a
 * certificate after our end of the `handshake`.
 */
export function tlsFailure(error: NodeJS.ErrnoException, handshake: boolean): string | undefined {
  const { code = '', message, syscall = '' } = error
  if (!handshake && !code.startsWith('ERR_SSL_')) return undefined
  if (error instanceof AggregateError || ['connect', 'getaddrinfo'].includes(syscall)) return undefined
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `TLS: the server's certificate is for another host: ${message}`
  }
  const alert = /^ERR_SSL_(?:SSLV3|TLSV1|TLSV13)_ALERT_(.*)$/.exec(code)?.[1]
  if (alert !== undefined) {
    const what = alert.includes('CERTIFICATE') ? "the client's certificate" : 'the handshake'
    return `TLS: the server refused ${what} (${alert.toLowerCase().replaceAll('_', ' ')})`
  }
  const reason = REASONS[code]
  return `TLS: ${reason === undefined ? message : `${reason} (${code})`}`
}

/** Options of {@link tlsFiles}: those of {@link TlsOptions}, with paths of files. */
export interface TlsFiles extends Omit<TlsOptions, 'ca' | 'cert' | 'key' | 'pfx' | 'crl'> {
  /** The authorities' certificates, PEM. */
  readonly ca?: string | undefined
  /** The own certificate, and those between it and its authority, PEM. */
  readonly cert?: string | undefined
  /** Its key, PEM. */
  readonly key?: string | undefined
  /** Certificate and key in one, PKCS #12. */
  readonly pfx?: string | undefined
  /** Revoked certificates, PEM. */
  readonly crl?: string | undefined
}

/**
 * TLS from files, which are read again for each connection, so that certificates can be renewed while a store is open.
 * A file that cannot be read then is a failed attempt, which `status$` shows.
 *
 * @example
 * ```ts no-run
 * import { json, tlsFiles, zookeeperStore } from 'rxkeeper'
 *
 * await using store = zookeeperStore({
 *   servers: 'zk1.example:2281',
 *   tls: tlsFiles({ ca: '/etc/zk/ca.pem', cert: '/etc/zk/client.pem', key: '/etc/zk/client.key' }),
 *   root: '/apps/demo',
 *   value: json<number>(),
 * })
 * ```
 */
export const tlsFiles =
  ({ ca, cert, key, pfx, crl, ...rest }: TlsFiles): (() => TlsOptions) =>
  () => ({
    ...rest,
    ...Object.fromEntries(
      Object.entries({ ca, cert, key, pfx, crl }).flatMap(([name, path]) =>
        path === undefined ? [] : [[name, readFileSync(path)]],
      ),
    ),
  })
