import { once } from 'node:events'
import { connect } from 'node:net'
import { firstValueFrom } from 'rxjs'
import { bytes, createMeter, json, memoryStore, meterStore, publishFigures } from 'rxkeeper'
import { serveMonitor } from 'rxkeeper/monitor'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Changes, KeyPage, ListedEntry, Overview, Tick } from '../../src/monitor/wire.ts'
import { ask, events, nextEvent, put, serve } from './support.ts'

const TOKEN = 'a-token-of-some-length'

describe('the page', () => {
  it('may load nothing from elsewhere and nothing inline, and loads nothing so', async () => {
    const { monitor } = await serve()
    const { headers, body } = await ask(monitor, '/')
    const policy = headers['content-security-policy']
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self';")
    expect(policy).toContain("style-src 'self';")
    expect(policy).not.toContain('unsafe')
    expect(headers['x-content-type-options']).toBe('nosniff')
    expect(body).not.toMatch(/https?:|<style|style=|<script(?! type="module" src="\/)| on\w+=/)
  })

  it('has every file that its files name', async () => {
    const { monitor } = await serve()
    const { body } = await ask(monitor, '/')
    const named = [...body.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path!)
    const seen = new Set<string>()
    for (const path of named) {
      if (seen.has(path)) continue
      seen.add(path)
      const answer = await ask(monitor, path)
      expect([path, answer.status]).toEqual([path, 200])
      if (path === '/uPlot.js') continue
      for (const [, name] of answer.body.matchAll(/from '\.?(\/[^']+)'/g)) named.push(name!)
    }
    expect(seen.size).toBeGreaterThan(10)
  })

  it('serves no other file', async () => {
    const { monitor } = await serve()
    for (const path of [
      '/../monitor.ts',
      '/%2e%2e/monitor.ts',
      '/package.json',
      '/wire.ts',
      '/api/',
      '/api/x',
    ]) {
      expect((await ask(monitor, path)).status).toBe(404)
    }
    expect((await ask(monitor, '//')).status).toBe(400)
    expect((await ask(monitor, '/', {}, 'PUT')).status).toBe(405)
    expect((await ask(monitor, '/api/keys', {}, 'DELETE')).status).toBe(405)
  })
})

describe('who may see it', () => {
  it('is addressed by no name of another', async () => {
    const { monitor } = await serve({ allowedHosts: ['Monitor.Example.org'] })
    const statusFor = async (host: string): Promise<number> =>
      (await ask(monitor, '/api/keys', { host })).status
    for (const host of [
      'localhost',
      `127.0.0.1:${monitor.port}`,
      '[::1]:80',
      '192.168.0.7',
      'monitor.example.org:1',
    ]) {
      expect([host, await statusFor(host)]).toEqual([host, 200])
    }
    for (const host of [
      'evil.example',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      'evil.example:7181',
    ]) {
      expect([host, await statusFor(host)]).toEqual([host, 421])
    }
    expect((await ask(monitor, '/', { host: 'evil.example' })).status).toBe(421)
  })

  it('gives no data to another site', async () => {
    const { monitor } = await serve()
    const from = async (site: string): Promise<number> =>
      (await ask(monitor, '/api/events', { 'sec-fetch-site': site })).status
    expect(await from('cross-site')).toBe(403)
    expect(await from('same-site')).toBe(403)
    expect((await ask(monitor, '/api/keys', { 'sec-fetch-site': 'same-origin' })).status).toBe(200)
  })

  it('asks for no token on loopback, and always for one beyond', async () => {
    expect((await serve()).monitor.token).toBeUndefined()
    const { monitor } = await serve({ host: '0.0.0.0' })
    expect(monitor.token).toMatch(/^[\w-]{32}$/)
    expect(monitor.url).not.toContain(monitor.token!)
    expect((await ask(monitor, '/')).status).toBe(200)
    for (const path of ['/api/events', '/api/keys', '/api/value?key=a']) {
      expect([path, (await ask(monitor, path)).status]).toEqual([path, 401])
    }
    expect((await ask(monitor, '/api/keys', { authorization: `Bearer ${monitor.token}` })).status).toBe(200)
  })

  it('takes the token for a cookie that no script reads, and neither when it is wrong', async () => {
    const { monitor } = await serve({ token: TOKEN })
    const enter = (token: string) =>
      ask(monitor, '/api/session', { authorization: `Bearer ${token}` }, 'POST')
    for (const wrong of ['', 'x', `${TOKEN}x`, TOKEN.slice(1), TOKEN.toUpperCase()]) {
      const { status, headers } = await enter(wrong)
      expect([wrong, status, headers['set-cookie']]).toEqual([wrong, 401, undefined])
    }
    const { status, headers } = await enter(TOKEN)
    expect(status).toBe(204)
    const cookie = headers['set-cookie']?.[0] ?? ''
    expect(cookie).toMatch(/; HttpOnly; SameSite=Strict; Path=\/$/)
    expect(cookie).not.toContain(TOKEN)
    const pass = cookie.split(';')[0]!
    expect((await ask(monitor, '/api/keys', { cookie: `other=1; ${pass}` })).status).toBe(200)
    expect((await ask(monitor, '/api/keys', { cookie: `${pass}x` })).status).toBe(401)
    expect((await ask(monitor, '/api/keys', { cookie: pass.replace(/=.*/, `=${TOKEN}`) })).status).toBe(401)
  })

  it('refuses a token that can be guessed', async () => {
    await expect(serve({ token: 'short' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})

describe('the keys', () => {
  it('are found by prefix, page by page', async () => {
    const { monitor, store } = await serve()
    const keys = Array.from({ length: 120 }, (_, i) => `a-${String(i).padStart(3, '0')}`)
    await Promise.all([...keys, 'b', 'é'].map(key => put(store, key, '1')))
    const found: string[] = []
    const pages: number[] = []
    for (let more = true; more; ) {
      const parameters = new URLSearchParams({ prefix: 'a-' })
      if (found.length > 0) parameters.set('after', found.at(-1)!)
      const page = JSON.parse((await ask(monitor, `/api/keys?${parameters}`)).body) as KeyPage
      found.push(...page.entries.map(({ key }) => key))
      pages.push(page.entries.length)
      more = page.more
    }
    expect(found).toEqual(keys)
    expect(pages).toEqual([50, 50, 20])
    expect(
      JSON.parse((await ask(monitor, `/api/keys?prefix=${encodeURIComponent('é')}`)).body),
    ).toMatchObject({
      entries: [{ key: 'é' }],
      more: false,
    })
    expect(JSON.parse((await ask(monitor, '/api/keys?prefix=A')).body)).toEqual({ entries: [], more: false })
  })

  it('have values of any bytes and size', async () => {
    const { monitor, store } = await serve()
    const shownOf = async (value: Uint8Array): Promise<ListedEntry['value']> => {
      await firstValueFrom(store.put$('k', value))
      return (JSON.parse((await ask(monitor, '/api/value?key=k')).body) as ListedEntry).value
    }
    expect(await shownOf(Buffer.from('{"a":1}'))).toEqual({
      kind: 'json',
      text: '{"a":1}',
      cut: false,
      bytes: 7,
    })
    expect(await shownOf(Buffer.from('{"a'))).toMatchObject({ kind: 'text', text: '{"a' })
    expect(await shownOf(Buffer.from([0xff, 0]))).toEqual({
      kind: 'bytes',
      text: 'ff00',
      cut: false,
      bytes: 2,
    })
    expect(await shownOf(new Uint8Array())).toEqual({ kind: 'text', text: '', cut: false, bytes: 0 })
    // Cut within a character.
    const large = await shownOf(Buffer.from(`x${'€'.repeat(1_000_000)}`))
    expect(large).toMatchObject({ kind: 'text', cut: true, bytes: 3_000_001 })
    expect(large.text).toMatch(/^x€{10000,}$/)
    expect(JSON.parse((await ask(monitor, '/api/value?key=absent')).body)).toBeNull()
    expect((await ask(monitor, '/api/value?key=')).status).toBe(400)
  })
})

describe('the events', () => {
  it('begin with an overview and go on with each change', async () => {
    const { monitor, store } = await serve({ name: 'memory:' })
    await put(store, 'before', '1')
    const stream = events(monitor)
    const overview = await nextEvent<Overview>(stream, 'overview')
    expect(overview).toMatchObject({ store: 'memory:', timeline: [{ state: 'connected' }] })
    await put(store, 'after', '<b>1</b>')
    const { latest } = await nextEvent<Changes>(stream, 'changes', ({ latest }) =>
      latest.some(({ key }) => key === 'after'),
    )
    expect(latest.at(-1)).toMatchObject({
      type: 'put',
      key: 'after',
      version: 0,
      value: { text: '<b>1</b>' },
    })
    await firstValueFrom(store.delete$('after'))
    const deleted = await nextEvent<Changes>(stream, 'changes')
    expect(deleted).toMatchObject({
      latest: [{ type: 'delete', key: 'after' }],
      keys: { count: 1, synced: true },
    })
    const { store: sample } = await nextEvent<Tick>(stream, 'tick')
    expect(sample).toMatchObject({ availability: 1, throughput: expect.any(Number), p99: expect.any(Number) })
    await stream.return(undefined)
  })

  it('are few, however many changes there are', async () => {
    const { monitor, store } = await serve()
    const stream = events(monitor)
    await nextEvent(stream, 'overview')
    const changes = 20_000
    for (let i = 0; i < changes; i += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, j) => put(store, `k${(i + j) % 1000}`, `${i}`)))
    }
    await put(store, 'last', '1')
    let told = 0
    let seen = 0
    await nextEvent<Changes>(stream, 'changes', ({ latest, omitted }) => {
      told += latest.length
      seen += latest.length + omitted
      expect(latest.length).toBeLessThanOrEqual(60)
      return latest.some(({ key }) => key === 'last')
    })
    expect(seen).toBeGreaterThan(1000)
    expect(told).toBeLessThan(seen / 5)
    await stream.return(undefined)
  })

  it('have the figures that programs publish, as long as they do', async () => {
    const { monitor, store } = await serve()
    const stream = events(monitor)
    const work = memoryStore({ value: json<number>() })
    onTestFinished(() => work.close())
    const meter = meterStore(work, { interval: 50 })
    const text = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))
    await firstValueFrom(
      work.putAll$([
        ['a', 1],
        ['b', 2],
      ]),
    )
    await firstValueFrom(
      store.put$('~figures/job', text({ ...meter.snapshot(), store: meter.snapshot(), interval: 1000 })),
    )
    const { programs } = await nextEvent<Tick>(stream, 'tick', ({ programs }) => programs.length > 0)
    expect(programs).toMatchObject([
      { name: 'job', stale: false, batches: { commits: { calls: 1, size: 2 } } },
    ])
    await firstValueFrom(store.put$('~figures/bad', Buffer.from('nonsense')))
    await firstValueFrom(
      store.put$('~figures/odd', text({ store: 1, records: { total: { errors: 'x', records: {} } } })),
    )
    const odd = await nextEvent<Tick>(stream, 'tick', ({ programs }) => programs.length > 1)
    expect(odd.programs[1]).toMatchObject({ name: 'odd', records: null, errors: {} })
    await firstValueFrom(store.deleteAll$(['~figures/job', '~figures/odd']))
    await nextEvent<Tick>(stream, 'tick', ({ programs }) => programs.length === 0)
    await stream.return(undefined)
  })

  it('leave keys with another prefix out', async () => {
    const { monitor, store } = await serve({ prefix: 'a-' })
    const stream = events(monitor)
    await put(store, 'b', '1')
    await put(store, '~figures/job', '{"interval":1000}')
    await put(store, 'a-1', '1')
    const { latest, keys } = await nextEvent<Changes>(stream, 'changes')
    expect(latest.map(({ key }) => key)).toEqual(['a-1'])
    expect(keys.count).toBe(1)
    await nextEvent<Tick>(stream, 'tick', ({ programs }) => programs[0]?.name === 'job')
    await stream.return(undefined)
  })
})

describe('closing', () => {
  it('ends streams and connections at once, leaves the store open, and may be done again', async () => {
    const { monitor, store } = await serve()
    const stream = events(monitor)
    await nextEvent(stream, 'overview')
    const idle = connect(monitor.port, '127.0.0.1')
    await once(idle, 'connect')
    const ended = Promise.all([once(idle, 'close'), nextEvent(stream, 'never').catch(() => 'ended')])
    await Promise.all([monitor.close(), monitor.close()])
    expect((await ended)[1]).toBe('ended')
    await expect(ask(monitor, '/')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await put(store, 'still', 'open')
  })

  it('says which port is taken', async () => {
    const { monitor } = await serve()
    const store = memoryStore({ value: bytes })
    onTestFinished(() => store.close())
    await expect(serveMonitor(store, { port: monitor.port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })

  it('is no matter to a store that is closed first', async () => {
    const { monitor, store } = await serve()
    const stream = events(monitor)
    await nextEvent(stream, 'overview')
    await store.close()
    await nextEvent<{ state: string }[]>(stream, 'timeline', states => states.at(-1)?.state === 'closed')
    expect((await ask(monitor, '/api/keys')).status).toBe(503)
  })
})

describe('publishFigures', () => {
  it('writes what is measured, and removes it at the end', async () => {
    const store = memoryStore({ value: json<unknown>() })
    onTestFinished(() => store.close())
    const errors: unknown[] = []
    const published = publishFigures(
      store,
      'job',
      { records: createMeter({ store, interval: 10 }), store: meterStore(store, { interval: 10 }) },
      { interval: 20, onError: error => errors.push(error) },
    )
    await expect
      .poll(() => firstValueFrom(store.get$('~figures/job')))
      .toMatchObject({
        name: 'job',
        interval: 20,
        at: expect.any(Number),
        store: { total: { availability: 1, reads: { batchSize: 1 } } },
      })
    await published.close()
    expect(await firstValueFrom(store.get$(published.key))).toBeUndefined()
    expect(errors).toEqual([])
  })

  it('ends with its meters', async () => {
    const store = memoryStore({ value: json<unknown>() })
    onTestFinished(() => store.close())
    const meter = meterStore(store, { interval: 10 })
    publishFigures(store, 'job', { store: meter }, { interval: 10 })
    await expect.poll(() => firstValueFrom(store.get$('~figures/job'))).toBeDefined()
    meter.close()
    await expect.poll(() => firstValueFrom(store.get$('~figures/job'))).toBeUndefined()
  })

  it('tells of what it could not write, and asks for something to publish', async () => {
    const store = memoryStore({ value: bytes })
    onTestFinished(() => store.close())
    const errors: { code: string }[] = []
    await using _ = publishFigures(
      store,
      'job',
      { store: meterStore(store, { interval: 10 }) },
      { interval: 10, onError: error => errors.push(error) },
    )
    await expect.poll(() => errors[0]).toMatchObject({ code: 'CODEC' })
    expect(() => publishFigures(store, 'job', {})).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
  })
})
