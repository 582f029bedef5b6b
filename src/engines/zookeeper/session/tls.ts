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
 * TLS options with the names of Node's `tls.connect`: the trusted authorities (`ca`; by default those that Node knows),
 * the client's certificate (`cert` with `key`, or `pfx`, and the `passphrase`), and the host that the server's
 * certificate must be for (`servername`; by default the one that is connected to).
 */
export interface TlsOptions extends Pick<ConnectionOptions, (typeof OPTION_NAMES)[number]> {}

/** The TLS settings of a store, validated. */
export interface Tls {
  /** Whether the client has a certificate. */
  readonly certified: boolean
  /** The options of the next connection. */
  next(): ConnectionOptions
}

function secured(given: TlsOptions): ConnectionOptions {
  const unknown = Object.keys(given).find(name => !(OPTION_NAMES as readonly string[]).includes(name))
  if (unknown !== undefined) throw new Error(`there is no '${unknown}' but ${OPTION_NAMES.join(', ')}`)
  // Set explicitly, so that no environment variable can switch it off.
  const rejectUnauthorized = given.rejectUnauthorized !== false
  return { ...given, rejectUnauthorized, secureContext: createSecureContext(given) }
}

/** The settings of the option `tls` of a store; throws `INVALID_ARGUMENT`. */
export function tlsOf(option: TlsOptions | (() => TlsOptions)): Tls {
  try {
    const given: unknown = typeof option === 'function' ? option() : option
    if (typeof given !== 'object' || given === null)
      throw new Error('expected options, or a function of them')
    const certified = 'cert' in given || 'pfx' in given
    // Invalid options throw now; a function that fails later makes the connection fail.
    const options = secured(given)
    return { certified, next: typeof option === 'function' ? () => secured(option()) : () => options }
  } catch (error) {
    throw new KVError('INVALID_ARGUMENT', `tls: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    })
  }
}

/** Starts to connect; the socket emits any error. */
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
 * Why a connection could not be secured, for people; `undefined` if TLS was not the reason. The server may refuse a
 * certificate after our side of the `handshake`.
 */
export function tlsFailure(error: NodeJS.ErrnoException, handshake: boolean): string | undefined {
  const { code = '', message, syscall = '' } = error
  if (!handshake && !code.startsWith('ERR_SSL_')) return undefined
  if (error instanceof AggregateError || ['connect', 'getaddrinfo'].includes(syscall)) return undefined
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `TLS: the server's certificate is for another host: ${message}`
  }
  // Of which version it is of, OpenSSL's releases say different things.
  const alert = /^ERR_SSL_.*_ALERT_(.*)$/.exec(code)?.[1]
  if (alert !== undefined) {
    const what = alert.includes('CERTIFICATE') ? "the client's certificate" : 'the handshake'
    return `TLS: the server refused ${what} (${alert.toLowerCase().replaceAll('_', ' ')})`
  }
  const reason = REASONS[code]
  return `TLS: ${reason === undefined ? message : `${reason} (${code})`}`
}

/** Options of {@link tlsFiles}: those of {@link TlsOptions}, with file paths. */
export interface TlsFiles extends Omit<TlsOptions, 'ca' | 'cert' | 'key' | 'pfx' | 'crl'> {
  /** The certificates of the trusted authorities, PEM. */
  readonly ca?: string | undefined
  /** The client's certificate, with intermediate ones, PEM. */
  readonly cert?: string | undefined
  /** Its key, PEM. */
  readonly key?: string | undefined
  /** Certificate and key in one, PKCS #12. */
  readonly pfx?: string | undefined
  /** Revoked certificates, PEM. */
  readonly crl?: string | undefined
}

/**
 * TLS options from files, which are read again for each connection, so that certificates can be renewed while a store
 * is open. If a file cannot be read, the attempt fails, which `status$` shows.
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
