import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text as streamText } from 'node:stream/consumers'
import { Subject } from 'rxjs'
import { job, json } from 'rxkeeper'
import { describe, expect, onTestFinished, test } from 'vitest'
import { HealthServer, healthAddressFrom } from '../../src/cli/health.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { newProject, outcomeOf } from './project.ts'

const project = newProject()

/** What is told at a path, and whether all is well. */
async function told(url: string): Promise<[number, unknown]> {
  const response = await fetch(url)
  return [response.status, await response.json()]
}

test('a job tells whether it is well, until it ends', async () => {
  const env = { RXKEEPER_STORE: `zookeeper://${servers}${freshRoot('health')}` }
  const child = project.start(['process', 'slow.js', '--health', '0', '--json'], env)
  let said = ''
  const url = new Promise<string>(resolve => {
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk
      const found = /"url":"([^"]+)"/.exec(said)?.[1]
      if (found !== undefined) resolve(found)
    })
  })
  const health = await url
  expect(health).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/)
  await expect
    .poll(() => told(`${health}readyz`), { timeout: 20_000 })
    .toEqual([200, { status: 'ok', store: 'connected', job: 'running' }])
  expect(await told(`${health}healthz`)).toMatchObject([200, { status: 'ok' }])
  child.kill('SIGINT')
  expect((await outcomeOf(child)).code).toBe(130)
  await expect(fetch(health)).rejects.toThrow()
})

test('a job without a server is alive, and not ready', async () => {
  const env = { RXKEEPER_STORE: 'zookeeper://127.0.0.1:1/x' }
  const child = project.start(['process', 'slow.js', '--health', 'localhost:0'], env)
  const [line] = (await new Promise<Buffer[]>(resolve =>
    child.stderr.once('data', (...data) => resolve(data)),
  )) as [Buffer]
  const health = /^health: (\S+)\n$/.exec(String(line))?.[1]
  expect(await told(`${health}readyz`)).toMatchObject([503, { status: 'unavailable' }])
  expect(await told(`${health}healthz`)).toMatchObject([200, { status: 'ok' }])
})

test('a port that is taken is said in a line, before anything is begun', async () => {
  const child = project.start(['process', 'slow.js', '--health', '0', '--store', 'memory:'])
  const line = await new Promise<string>(resolve => child.stderr.once('data', data => resolve(String(data))))
  const { port } = new URL(/http\S+/.exec(line)![0])
  const other = await project.run(['process', 'slow.js', '--health', port, '--store', 'memory:'])
  expect(other).toMatchObject({ code: 1, stdout: '' })
  expect(other.stderr).toMatch(/^rxkeeper: the port is taken; give another with --health: .*\n$/)
  child.kill('SIGINT')
  await outcomeOf(child)
})

test.each([
  ['8080', { host: '127.0.0.1', port: 8080 }],
  ['0.0.0.0:8080', { host: '0.0.0.0', port: 8080 }],
  ['[::1]:0', { host: '::1', port: 0 }],
  ['pod-1.internal:65535', { host: 'pod-1.internal', port: 65_535 }],
])('%s', (text, address) => {
  expect(healthAddressFrom(text)).toEqual(address)
})

test.each(['', 'x', ':', 'host:', 'host:x', '-1', '65536', '1.5', '8080 '])('%j is no port', text => {
  expect(() => healthAddressFrom(text)).toThrow('a port')
})

describe('whoever asks', () => {
  /** The health of a job that waits for its input. */
  async function serve(): Promise<HealthServer> {
    const run = job({
      name: 'waiting',
      value: json<unknown>(),
      store: 'memory:',
      input: new Subject<unknown>(),
      keyOf: String,
      transform: (_: unknown, value: unknown) => value,
    }).run({ signals: [] })
    const server = await HealthServer.listen({ host: '127.0.0.1', port: 0 })
    server.follow(run)
    onTestFinished(async () => {
      await server.close()
      run.stop()
      await run
    })
    return server
  }

  async function dial({ url }: HealthServer): Promise<Socket> {
    const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
    onTestFinished(() => void socket.destroy())
    await once(socket, 'connect')
    return socket
  }

  const answered = (url: string): Promise<boolean> =>
    fetch(`${url}healthz`).then(
      ({ ok }) => ok,
      () => false,
    )

  test('slowly, or not at all, loses the connection, and its place among the 10,000', async () => {
    const server = await serve()
    let open = 0
    for (let i = 0; i < 10_000; i += 500) {
      const sockets = await Promise.all(Array.from({ length: 500 }, () => dial(server)))
      for (const [n, socket] of sockets.entries()) {
        if (socket.closed) continue
        open++
        socket.on('close', () => open--).resume()
        if (n % 2 === 0) socket.write('GET /readyz HTTP/1.1\r\nHost: x\r\nx: ')
      }
    }
    await expect.poll(() => open, { timeout: 60_000 }).toBe(0)
    expect(await answered(server.url)).toBe(true)
  })

  test('by another name, or from another site, is told states and nothing else', async () => {
    const server = await serve()
    for (const path of ['readyz', 'healthz']) {
      const response = await fetch(`${server.url}${path}`, {
        headers: { origin: 'http://evil.example', 'x-forwarded-host': 'evil.example' },
      })
      expect([...response.headers.keys()].filter(name => name.startsWith('access-control'))).toEqual([])
      expect(response.headers.get('x-content-type-options')).toBe('nosniff')
      const told = (await response.json()) as object
      expect(Object.keys(told)).toEqual(
        path === 'readyz' ? ['status', 'store', 'job'] : ['status', 'eventLoopDelay'],
      )
    }
  })

  test.each([
    [400, 'GET /readyz HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
    [404, 'GET http://x/readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
    [404, 'GET /../readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
    [405, 'DELETE /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
    [431, `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
    [400, '\x16\x03\x01\x02\x00\x01\r\n\r\n'],
  ])('with tricks gets %i and the job lives', async (status, request) => {
    const server = await serve()
    const socket = await dial(server)
    socket.write(request)
    expect(await streamText(socket)).toMatch(`HTTP/1.1 ${status} `)
    expect(await answered(server.url)).toBe(true)
  })
})
