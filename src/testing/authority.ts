import { generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import * as der from './der.ts'

/** What a client or a server shows, and what it trusts, as `tls.connect` takes it; texts in PEM. */
export interface Identity {
  /** The authority's certificate. */
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** What {@link CertificateAuthority.issue} puts into a certificate. */
export interface CertificateOptions {
  /**
   * The hosts that it is good for, names or addresses.
   * @defaultValue ['localhost', '127.0.0.1', '::1']
   */
  readonly hosts?: readonly string[] | undefined
  /**
   * Until when it is valid.
   * @defaultValue a year from now
   */
  readonly until?: Date | undefined
}

const YEAR = 365 * 86_400_000
const ECDSA_WITH_SHA256 = der.sequence(der.oid('1.2.840.10045.4.3.2'))
const COMMON_NAME = '2.5.4.3'

const nameOf = (commonName: string): Buffer =>
  der.sequence(der.set(der.sequence(der.oid(COMMON_NAME), der.utf8(commonName))))

const extension = (oid: string, critical: boolean, value: Buffer): Buffer =>
  der.sequence(der.oid(oid), ...(critical ? [der.boolean(true)] : []), der.octets(value))

const addressBytes = (address: string): Buffer => {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number))
  const [head = '', tail = ''] = address.split('::')
  const words = (part: string) => (part === '' ? [] : part.split(':').map(word => Number.parseInt(word, 16)))
  const gap = new Array<number>(8 - words(head).length - words(tail).length).fill(0)
  return Buffer.from([...words(head), ...gap, ...words(tail)].flatMap(word => [word >> 8, word & 0xff]))
}

/** A name or an address of a host as a subject's alternative name. */
const hostName = (host: string): Buffer =>
  isIP(host) === 0 ? der.tagged(0x82, Buffer.from(host)) : der.tagged(0x87, addressBytes(host))

const pem = (certificate: Buffer): string => new X509Certificate(certificate).toString()

interface Subject {
  readonly name: string
  readonly publicKey: KeyObject
  readonly until: Date
  readonly extensions: readonly Buffer[]
}

/**
 * A certificate authority for tests, in memory: servers and clients of tests get their certificates from it. Its keys
 * are new each time, and nobody else trusts them.
 *
 * @example
 * ```ts
 * import { CertificateAuthority } from 'rxkeeper/testing'
 *
 * const authority = new CertificateAuthority()
 * const bob = authority.issue('bob')
 * console.log(Object.keys(bob)) // [ 'ca', 'cert', 'key' ]
 * ```
 */
export class CertificateAuthority {
  /** Its own certificate, in PEM. */
  readonly ca: string
  readonly #name: string
  readonly #key: KeyObject

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
    // Another each time: whoever makes a chain of certificates goes by the names.
    const name = `rxkeeper tests ${randomBytes(4).toString('hex')}`
    this.#name = name
    this.#key = privateKey
    const isAuthority = extension('2.5.29.19', true, der.sequence(der.boolean(true)))
    this.ca = this.#certificate({
      name,
      publicKey,
      until: new Date(Date.now() + YEAR),
      extensions: [isAuthority],
    })
  }

  /** A new key and a certificate for it; ZooKeeper knows a client with it as `x509:CN=<name>`. */
  issue(name: string, options: CertificateOptions = {}): Identity {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
    const hosts = options.hosts ?? ['localhost', '127.0.0.1', '::1']
    const cert = this.#certificate({
      name,
      publicKey,
      until: options.until ?? new Date(Date.now() + YEAR),
      extensions: [extension('2.5.29.17', false, der.sequence(...hosts.map(hostName)))],
    })
    return { ca: this.ca, cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string }
  }

  #certificate({ name, publicKey, until, extensions }: Subject): string {
    const from = new Date(Math.min(Date.now(), until.getTime()) - 86_400_000)
    const content = der.sequence(
      der.tagged(0xa0, der.integer(Buffer.from([2]))),
      der.integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
      ECDSA_WITH_SHA256,
      nameOf(this.#name),
      der.sequence(der.time(from), der.time(until)),
      nameOf(name),
      publicKey.export({ type: 'spki', format: 'der' }),
      der.tagged(0xa3, der.sequence(...extensions)),
    )
    return pem(der.sequence(content, ECDSA_WITH_SHA256, der.bits(sign('sha256', content, this.#key))))
  }
}
