import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'

/** Why a request is refused. */
export class Refused extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const digest = (text: string): Buffer => createHmac('sha256', 'rxkeeper monitor').update(text).digest()

/** Whether two texts are equal, compared in constant time. */
const same = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b))

/** The host name in a `Host` header, without the port; `undefined` where it is invalid. */
function hostName(header: string | undefined): string | undefined {
  const [, bracketed, plain] = /^(?:\[([^\]]+)\]|([^:]+))(?::\d+)?$/.exec(header ?? '') ?? []
  return (bracketed ?? plain)?.toLowerCase()
}

/** Whether the request comes from a page of another site. */
function isOfAnotherSite({ headers }: IncomingMessage): boolean {
  const { 'sec-fetch-site': site, origin } = headers
  // Browsers send `sec-fetch-site` only over TLS and on loopback, and `origin` everywhere with requests that could
  // change something.
  if (site !== undefined) return site !== 'same-origin' && site !== 'none'
  return origin !== undefined && origin.replace(/^https?:\/\//, '') !== headers.host
}

/** Whether only this machine can reach an address. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))

/** Decides who may see what. */
export class Access {
  readonly #token: string | undefined
  readonly #hosts: ReadonlySet<string>
  #cookie = ''

  /**
   * @param token the token that visitors need; `undefined` for none
   * @param hosts the host names under which this server may be addressed, besides `localhost` and IP addresses
   */
  constructor(token: string | undefined, hosts: readonly string[]) {
    this.#token = token
    this.#hosts = new Set(['localhost', ...hosts.map(host => host.toLowerCase())])
  }

  get tokenRequired(): boolean {
    return this.#token !== undefined
  }

  /** Browsers share cookies between the ports of a host, so the cookie's name has the port. */
  listensOn(port: number): void {
    this.#cookie = `rxkeeper-monitor-${port}`
  }

  /**
   * Refuses requests that must not be answered, whatever their path. Another site can make its own name point here (DNS
   * rebinding), but the browser then sends that name as the host; IP addresses cannot be rebound.
   */
  check({ headers, rawHeaders }: IncomingMessage): void {
    // Names and values in turn. Of several hosts, Node shows the first, and a proxy may have gone by the last.
    const hosts = rawHeaders.filter((each, i) => i % 2 === 0 && each.toLowerCase() === 'host')
    if (hosts.length > 1) throw new Refused(400, 'a request has one host')
    const name = hostName(headers.host)
    if (name === undefined || (isIP(name) === 0 && !this.#hosts.has(name))) {
      throw new Refused(421, 'this monitor does not go by that name (--allow-host adds one)')
    }
  }

  /** Refuses data to visitors who may not see it. */
  checkData(request: IncomingMessage): void {
    if (isOfAnotherSite(request)) throw new Refused(403, 'asked for by another site')
    if (this.#token !== undefined && !this.#authorized(request, this.#token)) {
      throw new Refused(401, 'the token is missing or wrong')
    }
  }

  /** The cookie that replaces the token from now on; scripts cannot read it. */
  get setCookie(): string {
    return `${this.#cookie}=${this.#pass(this.#token ?? '')}; HttpOnly; SameSite=Strict; Path=/`
  }

  /** A digest, so that nobody finds the token itself in a browser's files. */
  #pass(token: string): string {
    return createHmac('sha256', token).update(this.#cookie).digest('base64url')
  }

  #authorized({ headers }: IncomingMessage, token: string): boolean {
    const given = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1]
    if (given !== undefined) return same(given, token)
    const cookies = (headers.cookie ?? '').split(';').map(cookie => cookie.trim())
    const cookie = cookies.find(cookie => cookie.startsWith(`${this.#cookie}=`))
    return cookie !== undefined && same(cookie.slice(this.#cookie.length + 1), this.#pass(token))
  }
}
