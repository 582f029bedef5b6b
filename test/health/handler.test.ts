import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BehaviorSubject, firstValueFrom, Subject } from 'rxjs'
import { job, json, type KVStore, memoryStore, type Status, zookeeperStore } from 'rxkeeper'
import { type HealthOptions, healthHandler } from 'rxkeeper/health'
import { startProxy } from 'rxkeeper/testing'
import { expect, it, onTestFinished } from 'vitest'
import { freshRoot, servers } from '../setup/fresh-root.ts'

/** Serves with a handler, until the test is over; gives where. */
async function serve(handler: RequestListener): Promise<string> {
  const server = createServer(handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function serveHealth(options: HealthOptions): Promise<(path: string) => Promise<[number, unknown]>> {
  const handler = healthHandler(options)
  onTestFinished(() => handler.close())
  const url = await serve(handler)
  return async path => {
    const response = await fetch(url + path)
    return [response.status, await response.json()]
  }
}

const storeIn = (store: string, status = 'unavailable'): object => ({ status, store })

it('is ready while the store is connected, over a real server and a broken network', async () => {
  await using proxy = await startProxy(servers)
  await using store = zookeeperStore({ servers: proxy.servers, root: freshRoot('health'), value: json() })
  const ask = await serveHealth({ store })
  await expect.poll(() => ask('/readyz'), { timeout: 10_000 }).toEqual([200, storeIn('connected', 'ok')])
  proxy.set({ connect: 'reset' })
  proxy.reset()
  await expect.poll(() => ask('/readyz'), { timeout: 10_000 }).toEqual([503, storeIn('suspended')])
  expect(await ask('/healthz')).toEqual([200, { status: 'ok', eventLoopDelay: expect.any(Number) }])
  proxy.set()
  await expect.poll(() => ask('/readyz'), { timeout: 20_000 }).toEqual([200, storeIn('connected', 'ok')])
  await store.close()
  expect(await ask('/readyz')).toEqual([503, storeIn('closed')])
})

it('is ready while the job runs, and no more when it begins to stop', async () => {
  const input = new Subject<string>()
  const taken = new Subject<void>()
  const opened = new Subject<KVStore<number>>()
  const run = job({
    name: 'counted',
    value: json<number>(),
    store: () => firstValueFrom(opened),
    input,
    keyOf: word => word,
    transform: (_, count = 0) => count + 1,
    output: () => taken,
  }).run({ signals: [] })
  const ask = await serveHealth({ job: run })
  expect(await ask('/readyz')).toEqual([503, { status: 'unavailable', store: 'opening', job: 'starting' }])
  opened.next(memoryStore({ value: json<number>() }))
  await expect.poll(() => ask('/readyz')).toEqual([200, { status: 'ok', store: 'connected', job: 'running' }])
  input.next('a')
  run.stop()
  expect(await ask('/readyz')).toEqual([503, { status: 'unavailable', store: 'connected', job: 'stopping' }])
  expect((await ask('/healthz'))[0]).toBe(200)
  taken.complete()
  await run
  expect((await ask('/readyz'))[1]).toMatchObject({ status: 'unavailable', job: 'stopped' })
})

it('is not ready when the job has failed', async () => {
  const run = job({
    name: 'failing',
    value: json<number>(),
    store: 'memory:',
    input: ['a'],
    keyOf: word => word,
    transform: (): number => {
      throw new Error('at home')
    },
  }).run({ signals: [] })
  const ask = await serveHealth({ job: run })
  await expect(run).rejects.toMatchObject({ code: 'CALLBACK' })
  expect(await ask('/readyz')).toMatchObject([503, { job: 'failed' }])
})

it('is unhealthy when the event loop was held up, until it has turned for a while', async () => {
  const ask = await serveHealth({ maxDelay: 400 })
  expect(await ask('/healthz')).toMatchObject([200, {}])
  expect(await ask('/readyz')).toEqual([200, { status: 'ok' }])
  for (const until = performance.now() + 1_500; performance.now() < until; );
  const [status, told] = await ask('/healthz')
  expect(status).toBe(503)
  expect((told as { eventLoopDelay: number }).eventLoopDelay).toBeGreaterThan(400)
  await expect.poll(() => ask('/healthz'), { timeout: 20_000, interval: 200 }).toMatchObject([200, {}])
})

it('tells states and nothing else, to GET and HEAD on its two paths, and leaves the others to others', async () => {
  const status$ = new BehaviorSubject<Status>({ state: 'suspended', reason: 'zookeeper-1.internal:2181' })
  using handler = healthHandler({ store: { status$ } })
  const url = await serve(handler)
  const head = await fetch(`${url}/readyz?verbose`, { method: 'HEAD' })
  expect([head.status, await head.text(), head.headers.get('cache-control')]).toEqual([503, '', 'no-store'])
  expect(await (await fetch(`${url}/readyz`)).text()).toBe('{"status":"unavailable","store":"suspended"}\n')
  const post = await fetch(`${url}/healthz`, { method: 'POST', body: 'x' })
  expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  for (const path of [
    '/',
    '/healthz/',
    '/healthz/x',
    '/HEALTHZ',
    '//healthz',
    '/constructor',
    '/%68ealthz',
  ]) {
    expect([path, (await fetch(url + path)).status]).toEqual([path, 404])
  }
  const mounted = await serve((request, response) => handler(request, response, () => response.end('next')))
  expect(await (await fetch(`${mounted}/other`)).text()).toBe('next')
  expect((await fetch(`${mounted}/healthz`)).status).toBe(200)
  handler.close()
  expect(status$.observed).toBe(false)
})

it('says what is wrong with its option', () => {
  for (const maxDelay of [0, -1, 1.5, Number.NaN]) {
    expect(() => healthHandler({ maxDelay })).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  }
})
