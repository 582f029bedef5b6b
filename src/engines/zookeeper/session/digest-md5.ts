import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** The name that all ZooKeeper servers use, whatever their host. */
const DIGEST_URI = 'zookeeper/zk-sasl-md5'

type Directives = Readonly<Record<string, string>>

const md5 = (...parts: readonly (string | Buffer)[]): Buffer => {
  const hash = createHash('md5')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** In ISO 8859-1 if possible, as RFC 2831 requires, else in UTF-8. */
const encoded = (text: string): Buffer =>
  Buffer.from(text, [...text].every(character => character <= '\u00ff') ? 'latin1' : 'utf8')

/** Parses `realm="…",nonce="…",qop="auth",charset=utf-8`. */
function directivesOf(challenge: Buffer): Directives {
  const directives: Record<string, string> = {}
  for (const [, name = '', quoted, plain = ''] of challenge
    .toString()
    .matchAll(/([\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^,]*))/g)) {
    directives[name] = quoted === undefined ? plain : quoted.replace(/\\(.)/g, '$1')
  }
  return directives
}

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`

/**
 * The client side of SASL DIGEST-MD5 (RFC 2831), as ZooKeeper's servers use it: proves that both sides know the
 * password without sending it. It protects nothing else, and MD5 is weak: an eavesdropper can guess passwords. Use it
 * over TLS.
 */
export class DigestMd5 {
  readonly #user: string
  readonly #password: string
  readonly #cnonce: string
  #expected: string | undefined

  constructor(user: string, password: string, cnonce: string = randomBytes(16).toString('base64')) {
    this.#user = user
    this.#password = password
    this.#cnonce = cnonce
  }

  /**
   * The answer to a message of the server; `undefined` when both sides have proven themselves. Throws if the server has
   * not.
   */
  answer(challenge: Buffer): Buffer | undefined {
    const directives = directivesOf(challenge)
    if (this.#expected === undefined) return this.#prove(directives)
    const proof = Buffer.from(directives.rspauth ?? '')
    const expected = Buffer.from(this.#expected)
    if (proof.length === expected.length && timingSafeEqual(proof, expected)) return undefined
    throw new Error('does not know the password itself')
  }

  #prove({ nonce, realm = '', qop = 'auth' }: Directives): Buffer {
    if (nonce === undefined || !qop.split(',').includes('auth'))
      throw new Error('does not offer SASL DIGEST-MD5')
    const secret = md5(encoded(this.#user), ':', encoded(realm), ':', encoded(this.#password))
    const session = md5(secret, `:${nonce}:${this.#cnonce}`).toString('hex')
    const proof = (action: string): string => {
      const target = md5(`${action}:${DIGEST_URI}`).toString('hex')
      return md5(`${session}:${nonce}:00000001:${this.#cnonce}:auth:${target}`).toString('hex')
    }
    this.#expected = proof('')
    return Buffer.from(
      [
        'charset=utf-8',
        `username=${quoted(this.#user)}`,
        `realm=${quoted(realm)}`,
        `nonce=${quoted(nonce)}`,
        'nc=00000001',
        `cnonce=${quoted(this.#cnonce)}`,
        `digest-uri=${quoted(DIGEST_URI)}`,
        `response=${proof('AUTHENTICATE')}`,
        'qop=auth',
      ].join(','),
    )
  }
}
