import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'

/** Why a request is not answered. */
export class Refused extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const digest = (text: string): Buffer => createHmac('sha256', 'rxkeeper monitor').update(text).digest()

/** Whether two texts are the same, in a time that tells nothing about how they differ. */
const same = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b))

/** The name in a `Host` header, without the port; `undefined` where it is none. */
function hostName(header: string | undefined): string | undefined {
  const [, bracketed, plain] = /^(?:\[([^\]]+)\]|([^:]+))(?::\d+)?$/.exec(header ?? '') ?? []
  return (bracketed ?? plain)?.toLowerCase()
}

/** Whether a page of another site has the browser ask. */
function isOfAnotherSite({ headers }: IncomingMessage): boolean {
  const { 'sec-fetch-site': site, origin } = headers
  // Browsers tell the site only over TLS and on loopback; the origin, of what could change something, everywhere.
  if (site !== undefined) return site !== 'same-origin' && site !== 'none'
  return origin !== undefined && origin.replace(/^https?:\/\//, '') !== headers.host
}

/** Whether an address is one that only this machine reaches. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))

/** Who may see what. */
export class Access {
  readonly #token: string | undefined
  readonly #hosts: ReadonlySet<string>
  #cookie = ''

  /**
   * @param token what a visitor must have; `undefined` where none is needed
   * @param hosts the names under which this server may be addressed, beside `localhost` and addresses
   */
  constructor(token: string | undefined, hosts: readonly string[]) {
    this.#token = token
    this.#hosts = new Set(['localhost', ...hosts.map(host => host.toLowerCase())])
  }

  get tokenRequired(): boolean {
    return this.#token !== undefined
  }

  /** Browsers share cookies between the ports of a host: each port has its own name. */
  listensOn(port: number): void {
    this.#cookie = `rxkeeper-monitor-${port}`
  }

  /**
   * Refuses what is not to be answered whatever it is for. A page elsewhere can have a name of its own lead here (DNS rebinding),
   * but the browser then says that name; addresses cannot be rebound.
   */
  check({ headers }: IncomingMessage): void {
    const name = hostName(headers.host)
    if (name === undefined || (isIP(name) === 0 && !this.#hosts.has(name))) {
      throw new Refused(421, 'this monitor does not go by that name (--allow-host adds one)')
    }
  }

  /** Refuses data to those who may not see it. */
  checkData(request: IncomingMessage): void {
    if (isOfAnotherSite(request)) throw new Refused(403, 'asked for by another site')
    if (this.#token !== undefined && !this.#authorized(request, this.#token)) {
      throw new Refused(401, 'the token is missing or wrong')
    }
  }

  /** The cookie that stands for the token from now on; no script can read it. */
  get setCookie(): string {
    return `${this.#cookie}=${this.#pass(this.#token ?? '')}; HttpOnly; SameSite=Strict; Path=/`
  }

  /** Not the token itself, which nobody then finds in a browser's files. */
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
