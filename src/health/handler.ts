import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Observable } from 'rxjs'
import { wholeNumber } from '../base/arguments.ts'
import type { JobEvent } from '../jobs/types.ts'
import { EventLoop } from './event-loop.ts'
import { Following, type Readiness, type StatusSource } from './readiness.ts'

export type { Readiness, StatusSource } from './readiness.ts'

/** Options of {@link healthHandler}. */
export interface HealthOptions {
  /**
   * A store; the process is ready while it is connected.
   * @defaultValue the job's store
   */
  readonly store?: StatusSource | undefined
  /**
   * A run of a job; the process is ready while it runs, and no longer once it begins to stop.
   * @defaultValue none: there is no job
   */
  readonly job?: Observable<JobEvent<unknown>> | undefined
  /**
   * The longest delay of the event loop in the last ten seconds at which the process counts as healthy, in
   * milliseconds.
   * @defaultValue 10000
   */
  readonly maxDelay?: number | undefined
}

/** Answers requests: as the handler of an `http` server, or mounted in Express, Connect or Polka. */
export interface HealthHandler extends Disposable {
  /** @param next called for every other path; without it, those get 404 */
  (request: IncomingMessage, response: ServerResponse, next?: () => void): void
  /** Stops watching the store and the job. Idempotent. */
  close(): void
}

/** The answer: states only, since anybody may be asking. */
type Told = Readiness | { readonly status: 'ok' | 'unavailable'; readonly eventLoopDelay: number }

const answer = (request: IncomingMessage, response: ServerResponse, told: Told): void => {
  const body = `${JSON.stringify(told)}\n`
  response.writeHead(told.status === 'ok' ? 200 : 503, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

/**
 * Makes a request handler for `GET /healthz` and `GET /readyz`, for Kubernetes, load balancers and the like.
 *
 * - `/healthz` is 200 while the process lives and its event loop turns, else 503: the supervisor should restart it.
 * - `/readyz` is 200 while the store is connected and the job runs, else 503: not yet, not now, or no longer.
 *
 * Both answer with states in JSON, and tell nothing else about the process. A run that fails is shown as `failed`;
 * await the run or subscribe to it to learn why. Throws `INVALID_ARGUMENT` for a `maxDelay` that is not a whole number.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { json, memoryStore } from 'rxkeeper'
 * import { healthHandler } from 'rxkeeper/health'
 *
 * await using store = memoryStore({ value: json<number>() })
 * using handler = healthHandler({ store })
 * const server = createServer(handler).listen(0, async () => {
 *   const { port } = server.address() as { port: number }
 *   const response = await fetch(`http://localhost:${port}/readyz`)
 *   console.log(response.status, await response.json()) // 200 { status: 'ok', store: 'connected' }
 *   server.close()
 * })
 * ```
 */
export function healthHandler({ store, job, maxDelay = 10_000 }: HealthOptions): HealthHandler {
  wholeNumber('maxDelay', maxDelay, 1, 2 ** 31 - 1)
  const following = new Following(store, job)
  const eventLoop = new EventLoop()
  const health = (): Told => {
    const eventLoopDelay = Math.round(eventLoop.delay)
    return { status: eventLoopDelay <= maxDelay ? 'ok' : 'unavailable', eventLoopDelay }
  }
  const handle = (request: IncomingMessage, response: ServerResponse, next?: () => void): void => {
    const path = request.url?.replace(/\?.*/s, '')
    if (path !== '/healthz' && path !== '/readyz') {
      if (next === undefined) response.writeHead(404).end()
      else next()
    } else if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end()
    } else answer(request, response, path === '/healthz' ? health() : following.readiness)
  }
  const close = (): void => {
    following.stop()
    eventLoop.stop()
  }
  return Object.assign(handle, { close, [Symbol.dispose]: close })
}
