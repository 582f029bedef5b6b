import { once } from 'node:events'
import type { Socket } from 'node:net'
import fc from 'fast-check'
import { NEVER } from 'rxjs'
import { bytes, type KVStore, memoryStore } from 'rxkeeper'
import type { Monitor } from 'rxkeeper/monitor'
import { describe, expect, it, onTestFinished } from 'vitest'
import { LIMITS, type Limits } from '../../src/monitor/limits.ts'
import { serveWithin } from '../../src/monitor/monitor.ts'
import type { Changes } from '../../src/monitor/wire.ts'
import { dial, say, statusOf } from './raw.ts'
import { ask, events, nextEvent, put, serve } from './support.ts'

const TOKEN = 'a-token-of-some-length'

/** A monitor that has less to give. */
async function serveLess(
  limits: Partial<Limits>,
  store: KVStore<Uint8Array> = memoryStore({ value: bytes }),
): Promise<{ monitor: Monitor; store: KVStore<Uint8Array> }> {
  const monitor = await serveWithin({ ...LIMITS, ...limits }, store, { port: 0 })
  onTestFinished(async () => {
    await monitor.close()
    await store.close()
  })
  return { monitor, store }
}

/** Whether there is a place for one more visitor. */
const answered = (monitor: Monitor): Promise<boolean> =>
  ask(monitor, '/').then(
    ({ status }) => status === 200,
    () => false,
  )

/** What is answered at first. */
async function firstBytes(monitor: Monitor, path: string): Promise<string> {
  const socket = await dial(monitor)
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  const [chunk] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return chunk.toString()
}

/** Resolves once a connection is closed. */
async function closed(socket: Socket): Promise<void> {
  socket.resume()
  if (!socket.closed) await once(socket, 'close')
}

describe('DNS rebinding', () => {
  it.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'localhost@evil.example',
    'localhost:80@evil.example',
    'evil.example:7181',
    'localhost.',
    'localhost, evil.example',
    'evil.example, localhost',
    '[::1].evil.example',
    '127.1',
    '0x7f000001',
    '',
    'localhost:',
    ':80',
  ])('under the name %j nothing is told', async host => {
    const { monitor } = await serve()
    for (const path of ['/', '/api/keys', '/api/events', '/nothing']) {
      const answer = await say(monitor, `GET ${path} HTTP/1.1`, `Host: ${host}`, 'Connection: close')
      expect([path, statusOf(answer)]).toEqual([path, 421])
    }
  })

  it('nor by a request without a name, or that names another host in its target', async () => {
    const { monitor } = await serve()
    expect(statusOf(await say(monitor, 'GET /api/keys HTTP/1.0'))).toBe(421)
    expect(statusOf(await say(monitor, 'GET /api/keys HTTP/1.1', 'Connection: close'))).toBe(400)
    for (const target of [
      'http://evil.example/api/keys',
      '//evil.example/api/keys',
      '/\\evil.example/api/keys',
    ]) {
      const answer = await say(monitor, `GET ${target} HTTP/1.1`, 'Host: localhost', 'Connection: close')
      expect([target, statusOf(answer)]).toEqual([target, 400])
    }
  })
})

describe('requests that say more than one name', () => {
  it('have the name of the connection looked at, and no other', async () => {
    const { monitor } = await serve()
    const two = ['Host: localhost', 'host: evil.example']
    for (const hosts of [two, [...two].reverse(), ['Host: localhost', 'Host: localhost']]) {
      const answer = await say(monitor, 'GET /api/keys HTTP/1.1', ...hosts, 'Connection: close')
      expect([hosts, statusOf(answer)]).toEqual([hosts, 400])
    }
    for (const header of ['X-Forwarded-Host', 'X-Host', 'Forwarded']) {
      const value = header === 'Forwarded' ? 'host=localhost' : 'localhost'
      const answer = await say(
        monitor,
        'GET /api/keys HTTP/1.1',
        'Host: evil.example',
        `${header}: ${value}`,
        'Connection: close',
      )
      expect([header, statusOf(answer)]).toEqual([header, 421])
    }
  })
})

describe('requests of other sites', () => {
  const asked = async (
    headers: Record<string, string>,
    method = 'GET',
    path = '/api/keys',
  ): Promise<number> => {
    const { monitor } = await serve({ token: TOKEN })
    const host = `192.168.0.7:${monitor.port}`
    const entered = await ask(monitor, '/api/session', { host, authorization: `Bearer ${TOKEN}` }, 'POST')
    const cookie = entered.headers['set-cookie']![0]!.split(';')[0]!
    const answer = await ask(monitor, path, { host, cookie, ...headers }, method)
    expect(Object.keys(answer.headers).filter(name => name.startsWith('access-control'))).toEqual([])
    return answer.status
  }

  it('are refused, even with the cookie', async () => {
    expect(await asked({})).toBe(200)
    for (const site of ['cross-site', 'same-site', 'x']) {
      expect([site, await asked({ 'sec-fetch-site': site })]).toEqual([site, 403])
    }
    for (const origin of ['http://evil.example', 'http://192.168.0.7', 'https://192.168.0.7:1', 'null', '']) {
      expect([origin, await asked({ origin })]).toEqual([origin, 403])
      expect([origin, await asked({ origin }, 'POST', '/api/session')]).toEqual([origin, 403])
    }
    expect(await asked({ origin: 'http://evil.example' }, 'GET', '/api/events')).toBe(403)
  })

  it('are refused also where they lead here by an address that is every one of this machine', async () => {
    const { monitor } = await serve()
    const host = `0.0.0.0:${monitor.port}`
    const origin = 'https://evil.example'
    for (const path of ['/api/keys', '/api/events', '/api/value?key=a']) {
      expect([path, (await ask(monitor, path, { host, origin })).status]).toEqual([path, 403])
    }
    expect((await ask(monitor, '/api/session', { host, origin }, 'POST')).status).toBe(403)
  })

  it('are refused in whatever way an element or a link of theirs asks', async () => {
    const { monitor } = await serve()
    const host = `localhost:${monitor.port}`
    for (const [dest, mode] of [
      ['image', 'no-cors'],
      ['script', 'no-cors'],
      ['iframe', 'navigate'],
      ['document', 'navigate'],
      ['empty', 'websocket'],
    ]) {
      const headers = {
        host,
        'sec-fetch-site': 'cross-site',
        'sec-fetch-dest': dest!,
        'sec-fetch-mode': mode!,
      }
      expect([dest, (await ask(monitor, '/api/keys', headers)).status]).toEqual([dest, 403])
      const page = await ask(monitor, '/', headers)
      expect(page.headers['content-security-policy']).toContain("frame-ancestors 'none'")
      expect(page.headers['cross-origin-resource-policy']).toBe('same-origin')
    }
  })

  it('have no preflight answered', async () => {
    const headers = { origin: 'http://evil.example', 'access-control-request-method': 'POST' }
    expect(await asked(headers, 'OPTIONS')).toBe(403)
    expect(await asked({ ...headers, 'sec-fetch-site': 'none' }, 'OPTIONS')).toBe(405)
  })

  it('a page of its own is answered, also where browsers tell no site', async () => {
    const { monitor } = await serve()
    const own = { host: `192.168.0.7:${monitor.port}`, origin: `http://192.168.0.7:${monitor.port}` }
    expect((await ask(monitor, '/api/session', own, 'POST')).status).toBe(204)
  })
})

describe('tricks with headers and paths', () => {
  it.each<[number, ...(readonly string[])]>([
    [400, 'GET * HTTP/1.1', 'Host: localhost'],
    [400, 'OPTIONS * HTTP/1.1', 'Host: localhost'],
    [404, 'GET /..%2f..%2fetc/passwd HTTP/1.1', 'Host: localhost'],
    [404, 'GET /../../../../etc/passwd HTTP/1.1', 'Host: localhost'],
    [404, 'GET /%00 HTTP/1.1', 'Host: localhost'],
    [404, 'GET /main.js%00.css HTTP/1.1', 'Host: localhost'],
    [404, 'GET /constructor HTTP/1.1', 'Host: localhost'],
    [404, 'GET /API/keys HTTP/1.1', 'Host: localhost'],
    [400, 'GET /api/value?key= HTTP/1.1', 'Host: localhost'],
    [405, 'TRACE /api/keys HTTP/1.1', 'Host: localhost'],
    [405, 'HEAD /api/keys HTTP/1.1', 'Host: localhost'],
    [413, 'POST /api/session HTTP/1.1', 'Host: localhost', 'Content-Length: 9999999999'],
    [413, 'GET / HTTP/1.1', 'Host: localhost', 'Transfer-Encoding: chunked'],
    [400, 'POST / HTTP/1.1', 'Host: localhost', 'Content-Length: 1', 'Transfer-Encoding: chunked'],
    [400, 'GET / HTTP/1.1', 'Host: localhost', 'Content-Length: -1'],
    [400, 'GET / HTTP/1.1', 'Host: localhost', 'Bad Header: 1'],
    [400, 'GET / HTTP/9.9', 'Host: localhost'],
    [431, 'GET / HTTP/1.1', 'Host: localhost', `Cookie: ${'x'.repeat(20_000)}`],
    [431, `GET /${'x'.repeat(20_000)} HTTP/1.1`, 'Host: localhost'],
    [417, 'GET / HTTP/1.1', 'Host: localhost', 'Expect: everything'],
    [200, 'GET /api/keys HTTP/1.1', 'Host: localhost', 'Upgrade: websocket'],
    [400, 'PRI * HTTP/2.0', ''],
    [400, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ])('%i for %j %j', async (status, ...lines) => {
    const { monitor } = await serve()
    expect(statusOf(await say(monitor, ...lines, 'Connection: close'))).toBe(status)
    expect((await ask(monitor, '/')).status).toBe(200)
  })

  it('no proxy is made of it', async () => {
    const { monitor } = await serve()
    const answer = await say(monitor, 'CONNECT evil.example:80 HTTP/1.1', 'Host: evil.example:80')
    expect(answer).toBe('')
    expect((await ask(monitor, '/')).status).toBe(200)
  })

  it('no header of an answer is made from a request', async () => {
    const { monitor } = await serve()
    const split = encodeURIComponent('x\r\nset-cookie: a=1\r\n\r\n<script>')
    for (const path of [`/api/keys?prefix=${split}`, `/api/value?key=${split}`, `/${split}`, `/?${split}`]) {
      const { headers, body } = await ask(monitor, path)
      expect(headers['set-cookie']).toBeUndefined()
      expect(headers['x-content-type-options']).toBe('nosniff')
      expect(headers['content-type'] === 'text/html; charset=utf-8' && body.includes(split)).toBe(false)
    }
  })

  it('whatever is asked, it is answered, and not by a failure', async () => {
    const { monitor, store } = await serve()
    await put(store, 'a', '1')
    const part = fc.oneof(
      fc.constantFrom(
        '/api/keys?prefix=',
        '/api/value?key=',
        '/api/keys?after=',
        '/',
        '%',
        '?',
        '&',
        '..',
        '\\',
        '#',
      ),
      fc.string({ unit: 'binary', maxLength: 5 }).map(text => encodeURIComponent(text.toWellFormed())),
      fc.string({ unit: fc.constantFrom(...'%ed0f8a/?&=;:@') }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 6 }), async parts => {
        const { status } = await ask(monitor, `/${parts.join('')}`)
        expect(status).toBeLessThan(500)
      }),
      { numRuns: 500 },
    )
  })
})

describe('slow visitors', () => {
  const quick = { headersTimeout: 200, requestTimeout: 400, checkInterval: 50, silence: 600 }

  it('who do not end their request, or never begin one, are not waited for', async () => {
    const { monitor } = await serveLess(quick)
    const sockets = await Promise.all(Array.from({ length: 4 }, () => dial(monitor)))
    const drip = setInterval(() => sockets[1]?.write('x'), 50)
    sockets[1]?.write('GET / HTTP/1.1\r\nHost: localhost\r\nx: ')
    sockets[2]?.write('POST /api/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n')
    sockets[3]?.write('GET / HTTP/1.1\r\nHost: localhost\r\n')
    await Promise.all(sockets.map(closed))
    clearInterval(drip)
  })

  it('who do not read what they are sent lose their connection', async () => {
    const { monitor, store } = await serveLess({ ...quick, connections: 1, reads: 1_000 })
    const large = 'x'.repeat(200_000)
    await put(store, 'large', large)
    const socket = await dial(monitor)
    socket.pause()
    const request = 'GET /api/value?key=large HTTP/1.1\r\nHost: localhost\r\n\r\n'
    socket.write(request.repeat(1_000))
    expect(await answered(monitor)).toBe(false)
    await expect.poll(() => answered(monitor), { timeout: 10_000 }).toBe(true)
  })

  it('who watch, and do not read, are sent no more, and lose it', async () => {
    const { monitor, store } = await serveLess({ ...quick, connections: 1, silence: 1_500 })
    const socket = await dial(monitor)
    socket.pause()
    socket.write('GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const writing = setInterval(() => {
      for (let i = 0; i < 60; i++) put(store, `${'k'.repeat(8_000)}${i}`, 'x'.repeat(1_000)).catch(() => {})
    }, 20)
    onTestFinished(() => clearInterval(writing))
    expect(await answered(monitor)).toBe(false)
    await expect.poll(() => answered(monitor), { timeout: 60_000 }).toBe(true)
  })
})

describe('many visitors', () => {
  it('10,000 connections leave those there alone, and others their turn', async () => {
    const { monitor, store } = await serve()
    const stream = events(monitor)
    await nextEvent(stream, 'overview')
    const open = new Set<Socket>()
    let most = 0
    for (let i = 0; i < 10_000; i += 500) {
      const dialled = Array.from({ length: 500 }, () => dial(monitor))
      for (const socket of await Promise.all(dialled)) {
        // Some were closed already while others were dialled.
        if (socket.closed) continue
        open.add(socket)
        socket.on('close', () => open.delete(socket)).resume()
      }
      await put(store, `during ${i}`, '1')
      await nextEvent<Changes>(stream, 'changes', ({ latest }) => latest.at(-1)?.key === `during ${i}`)
      most = Math.max(most, open.size)
    }
    expect(most).toBeGreaterThan(0)
    await expect.poll(() => open.size, { timeout: 15_000 }).toBeLessThan(LIMITS.connections)
    // They say nothing, and lose their places.
    await expect.poll(() => answered(monitor), { timeout: 15_000 }).toBe(true)
    await stream.return(undefined)
  })

  it('who go leave nothing behind: streams', async () => {
    const { monitor } = await serveLess({ streams: 3 })
    for (let i = 0; i < 50; i++) {
      const three = [events(monitor), events(monitor), events(monitor)]
      for (const stream of three) await nextEvent(stream, 'overview')
      if (i === 0) {
        const { status, headers } = await ask(monitor, '/api/events')
        expect([status, headers['retry-after']]).toEqual([503, '1'])
      }
      for (const stream of three) await stream.return(undefined)
      await expect.poll(async () => (await firstBytes(monitor, '/api/events')).slice(0, 15)).toMatch('200')
    }
  })

  it('who go leave nothing behind: reads', async () => {
    const never = new Proxy(memoryStore({ value: bytes }), {
      get: (store, name) => {
        if (name === 'entry$') return () => NEVER
        const value: unknown = Reflect.get(store, name, store)
        return typeof value === 'function' ? value.bind(store) : value
      },
    })
    const { monitor } = await serveLess({ reads: 2 }, never)
    for (let i = 0; i < 50; i++) {
      const two = [await dial(monitor), await dial(monitor)]
      for (const socket of two) socket.write('GET /api/value?key=a HTTP/1.1\r\nHost: localhost\r\n\r\n')
      await expect.poll(async () => (await ask(monitor, '/api/keys')).status).toBe(503)
      for (const socket of two) socket.destroy()
      await expect.poll(async () => (await ask(monitor, '/api/keys')).status).toBe(200)
    }
  })
})
