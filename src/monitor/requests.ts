import type { IncomingMessage, ServerResponse } from 'node:http'
import { catchError, defer, type Observable, of, type Subscription } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { KVStore } from '../store/kv-store.ts'
import { type Access, Refused } from './access.ts'
import type { Asset } from './assets.ts'
import { entry$, page$ } from './browse.ts'
import { EventStream } from './event-stream.ts'
import type { Limits } from './limits.ts'
import type { Observer } from './observer.ts'

const HEADERS = {
  // Nothing from other sites, nothing inline, no framing.
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}

/** Answers requests: the page's files to everybody, the store's data to those who may see it. */
export class Requests {
  readonly #store: KVStore<Uint8Array>
  readonly #access: Access
  readonly #assets: ReadonlyMap<string, Asset>
  readonly #observer: Observer
  readonly #limits: Limits
  readonly #streams = new Set<EventStream>()
  #reads = 0
  /** The serialized overview, until something changes. */
  #overview: string | undefined
  readonly #sending: Subscription

  constructor(
    store: KVStore<Uint8Array>,
    access: Access,
    assets: ReadonlyMap<string, Asset>,
    observer: Observer,
    limits: Limits,
  ) {
    this.#store = store
    this.#limits = limits
    this.#access = access
    this.#assets = assets
    this.#observer = observer
    this.#sending = observer.events$.subscribe(event => {
      this.#overview = undefined
      if (this.#streams.size === 0) return
      const frame = EventStream.frame(event)
      for (const stream of this.#streams) stream.send(frame)
    })
  }

  /** Ends the event streams. */
  close(): void {
    this.#sending.unsubscribe()
    for (const stream of this.#streams) stream.end()
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
    try {
      this.#access.check(request)
      refuseBody(request, response)
      const url = urlOf(request)
      const asset = this.#assets.get(url.pathname)
      if (asset !== undefined) {
        allow(request, 'GET', 'HEAD')
        response.writeHead(200, { 'content-type': asset.type, 'content-length': asset.content.length })
        response.end(request.method === 'HEAD' ? undefined : asset.content)
      } else if (url.pathname.startsWith('/api/')) {
        this.#access.checkData(request)
        this.#data(url, request, response)
      } else throw new Refused(404, 'there is no such page')
    } catch (error) {
      const { status, message } = error instanceof Refused ? error : new Refused(500, 'the monitor failed')
      const later = status === 503 ? { 'retry-after': '1' } : {}
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...later })
      response.end(`${message}\n`)
    }
  }

  #data({ pathname, searchParams }: URL, request: IncomingMessage, response: ServerResponse): void {
    allow(request, pathname === '/api/session' ? 'POST' : 'GET')
    const key = searchParams.get('key')
    if (pathname === '/api/session') {
      const { tokenRequired, setCookie } = this.#access
      response.writeHead(204, tokenRequired ? { 'set-cookie': setCookie } : {}).end()
    } else if (pathname === '/api/events') this.#stream(response)
    else if (pathname === '/api/keys') {
      const after = searchParams.get('after') ?? undefined
      this.#read(response, () => page$(this.#store, searchParams.get('prefix') ?? '', after))
    } else if (pathname === '/api/value' && key !== null) {
      this.#read(response, () => entry$(this.#store, key))
    } else throw new Refused(404, 'there is no such data')
  }

  #read(response: ServerResponse, begin: () => Observable<unknown>): void {
    if (this.#reads >= this.#limits.reads) throw new Refused(503, 'too many read the store now')
    this.#reads++
    response.on('close', () => this.#reads--)
    send(response, defer(begin))
  }

  #stream(response: ServerResponse): void {
    if (this.#streams.size >= this.#limits.streams) throw new Refused(503, 'too many watch the store now')
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
    const overview = (): string => {
      this.#overview ??= EventStream.frame({ type: 'overview', data: this.#observer.overview() })
      return this.#overview
    }
    const stream = new EventStream(overview, response)
    this.#streams.add(stream)
    response.on('close', () => this.#streams.delete(stream))
  }
}

/** Only the path of the target is used, never another host. */
function urlOf({ url = '' }: IncomingMessage): URL {
  if (!/^\/(?![/\\])/.test(url)) throw new Refused(400, 'no such address')
  return new URL(`http://monitor${url}`)
}

/** No request here takes a body; one that is sent nevertheless is not read. */
function refuseBody({ headers }: IncomingMessage, response: ServerResponse): void {
  if (headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0) return
  response.setHeader('connection', 'close')
  throw new Refused(413, 'a request has no body here')
}

function allow({ method = '' }: IncomingMessage, ...methods: readonly string[]): void {
  if (!methods.includes(method)) throw new Refused(405, `only ${methods.join(' and ')}`)
}

/** Sends the result, unless the visitor has gone. */
function send(response: ServerResponse, result$: Observable<unknown>): void {
  const answer$ = result$.pipe(
    catchError(error => {
      const { code, message } = KVError.from(error, 'ENGINE', 'the store failed')
      response.statusCode = code === 'INVALID_KEY' || code === 'INVALID_ARGUMENT' ? 400 : 503
      return of({ error: message })
    }),
  )
  const subscription = answer$.subscribe(result => {
    response.setHeader('content-type', 'application/json; charset=utf-8')
    response.end(JSON.stringify(result))
  })
  response.on('close', () => subscription.unsubscribe())
}
