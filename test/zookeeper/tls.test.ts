import { createPrivateKey } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { filter, firstValueFrom, map, timeout } from 'rxjs'
import { type KVStore, openStore, type TlsOptions, text, tlsFiles, zookeeperStore } from 'rxkeeper'
import {
  CertificateAuthority,
  startEnsemble,
  startProxy,
  startZooKeeper,
  type ZooKeeperServer,
} from 'rxkeeper/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tlsFailure } from '../../src/engines/zookeeper/session/tls.ts'
import { freshRoot, servers as plainServers } from '../setup/fresh-root.ts'

let server: ZooKeeperServer
const folder = mkdtempSync(join(tmpdir(), 'rxkeeper-tls-'))

beforeAll(async () => {
  server = await startZooKeeper({ tls: true })
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

type Tls = TlsOptions | (() => TlsOptions) | undefined

const open = (servers: string, tls: Tls, root = freshRoot('tls'), rest: { timeout?: number } = {}) =>
  zookeeperStore({ servers, tls, root, value: text, sessionTimeout: 10_000, ...rest })

/** The first reason of the status that has this in it. */
const reasonOf = (store: KVStore<string>, part: RegExp): Promise<string> =>
  firstValueFrom(
    store.status$.pipe(
      map(({ reason }) => reason),
      filter(reason => part.test(reason)),
      timeout({ first: 60_000 }),
    ),
  )

const connected = (store: KVStore<string>) =>
  firstValueFrom(store.status$.pipe(filter(({ state }) => state === 'connected')))

/** A server of TLS that answers nothing else. */
async function impostor(identity: TlsOptions) {
  const listening = createTlsServer(identity, socket => socket.on('error', () => {}))
  listening.on('tlsClientError', () => {})
  await new Promise<void>(resolve => listening.listen(0, '127.0.0.1', resolve))
  return {
    servers: `127.0.0.1:${(listening.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => new Promise<void>(resolve => listening.close(() => resolve())),
  }
}

describe('a store over TLS', () => {
  it('reads, writes and watches, and comes back after a lost connection', async () => {
    await using proxy = await startProxy(server.servers)
    await using store = open(proxy.servers, server.tls)
    await firstValueFrom(store.put$('a', 'one'))
    proxy.reset()
    await firstValueFrom(store.put$('b', 'x'.repeat(900_000)))
    expect(await firstValueFrom(store.get$('a'))).toBe('one')
    expect((await firstValueFrom(store.get$('b')))?.length).toBe(900_000)
  })

  it('shows nothing of keys, values and passwords to who listens on the wire', async () => {
    const heard: Buffer[] = []
    const wire = createServer((client: Socket) => {
      const forward = connect(server.port, server.host)
      for (const [from, to] of [
        [client, forward],
        [forward, client],
      ] as const) {
        from.on('data', chunk => heard.push(chunk) && to.write(chunk))
        from.on('error', () => {}).on('close', () => to.destroy())
      }
    })
    await new Promise<void>(resolve => wire.listen(0, '127.0.0.1', resolve))
    {
      await using store = zookeeperStore({
        servers: `127.0.0.1:${(wire.address() as AddressInfo).port}`,
        tls: server.tls,
        credentials: { user: 'wire-user', password: 'wire-password' },
        root: freshRoot('tls-wire-root'),
        value: text,
      })
      await firstValueFrom(store.put$('wire-key', 'wire-value'))
      expect(await firstValueFrom(store.get$('wire-key'))).toBe('wire-value')
    }
    wire.close()
    const bytes = Buffer.concat(heard)
    expect(bytes.length).toBeGreaterThan(1000)
    for (const secret of [
      'wire-key',
      'wire-value',
      'wire-user',
      'wire-password',
      'wire-root',
      'PRIVATE KEY',
    ]) {
      expect([secret, bytes.includes(secret)]).toEqual([secret, false])
    }
  })

  it('is known by its certificate: what it creates, nobody else reads, writes, lists or deletes', async () => {
    const root = freshRoot('tls-x509')
    await using owner = open(server.servers, server.tls, root)
    await firstValueFrom(owner.put$('a', 'mine'))
    await using same = open(server.servers, server.authority!.issue('client'), root)
    expect(await firstValueFrom(same.get$('a'))).toBe('mine')
    await using bob = open(server.servers, server.authority!.issue('bob'), root)
    const attempts = [
      bob.get$('a'),
      bob.put$('a', 'his'),
      bob.put$('b', 'his'),
      bob.delete$('a'),
      bob.keys$(),
    ]
    for (const attempt of attempts) {
      await expect(firstValueFrom<unknown>(attempt)).rejects.toMatchObject({ code: 'AUTH' })
    }
    expect(await firstValueFrom(owner.get$('a'))).toBe('mine')
  })

  it('goes on with another member of an ensemble, and is told that its session has expired', async () => {
    await using ensemble = await startEnsemble(3, { tls: true })
    await using store = open(ensemble.servers, ensemble.tls)
    await firstValueFrom(store.put$('a', 'one'))
    await (await ensemble.leader()).kill()
    await firstValueFrom(store.put$('a', 'two'))
    const [, session] = /session 0x([\da-f]+)/.exec((await connected(store)).reason)!
    const told = reasonOf(store, /expired/)
    expect(await ensemble.expireSession(BigInt(`0x${session}`))).toBe(true)
    await told
    expect(await firstValueFrom(store.get$('a'))).toBe('two')
  })

  it('is opened by a URL that names files', async () => {
    const { ca, cert, key } = server.tls!
    for (const [name, content] of Object.entries({ ca, cert, key }))
      writeFileSync(join(folder, name), content)
    const files = ['ca', 'cert', 'key'].map(name => `${name}=${join(folder, name)}`).join('&')
    const url = `zookeeper+tls://${server.servers}${freshRoot('tls-url')}?${files}`
    await using store = openStore(url, { value: text })
    await firstValueFrom(store.put$('a', 'one'))
    expect(await firstValueFrom(store.get$('a'))).toBe('one')
    const locked = { format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'sesame' } as const
    writeFileSync(join(folder, 'key'), createPrivateKey(key).export(locked))
    await using again = openStore(url, { value: text }, { RXKEEPER_TLS_PASSPHRASE: 'sesame' })
    expect(await firstValueFrom(again.get$('a'))).toBe('one')
    expect(() => openStore(url, { value: text }, { RXKEEPER_TLS_PASSPHRASE: 'wrong' })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('wrong') }),
    )
    expect(() => openStore(`${url}.gone`, { value: text })).toThrow(/tls: ENOENT/)
    expect(() => openStore(url.replace('+tls', ''), { value: text })).toThrow(/no option 'ca'/)
  })

  it('reads certificates again, so that an expired one can be replaced', async () => {
    const authority = new CertificateAuthority()
    const old = authority.issue('client', { until: new Date(Date.now() - 1000) })
    const paths = { ca: join(folder, 'new-ca'), cert: join(folder, 'new-cert'), key: join(folder, 'new-key') }
    const write = ({ ca, cert, key }: Record<'ca' | 'cert' | 'key', string>) => {
      writeFileSync(paths.ca, ca)
      writeFileSync(paths.cert, cert)
      writeFileSync(paths.key, key)
    }
    write(old)
    await using store = open(server.servers, tlsFiles(paths))
    await reasonOf(store, /TLS: the server refused the client's certificate/)
    // Half of what is renewed.
    write({ ...server.tls!, key: old.key })
    await reasonOf(store, /TLS: .*key values mismatch/)
    write(server.tls!)
    await connected(store)
  })
})

const stranger = new CertificateAuthority().issue('client')

describe('what cannot be secured', () => {
  const cases: [string, () => string, () => Tls, RegExp][] = [
    [
      'an unknown authority',
      () => server.servers,
      () => ({ ...server.tls, ca: stranger.ca }),
      /TLS: the server's certificate is of an authority that is not trusted/,
    ],
    [
      'only the authorities that Node knows',
      () => server.servers,
      () => ({ cert: server.tls!.cert, key: server.tls!.key }),
      /of an authority that is not trusted/,
    ],
    [
      'another host',
      () => server.servers,
      () => ({ ...server.tls, servername: 'zk.example' }),
      /TLS: the server's certificate is for another host: .*zk\.example/,
    ],
    [
      'a client of another authority',
      () => server.servers,
      () => ({ ...stranger, ca: server.authority!.ca }),
      /TLS: the server refused the client's certificate/,
    ],
    [
      'a client without certificate',
      () => server.servers,
      () => ({ ca: server.authority!.ca }),
      /TLS: the server refused the client's certificate/,
    ],
    [
      'a plain client on a port for TLS',
      () => server.servers,
      () => undefined,
      /closed by the server during the handshake; a port for TLS does so/,
    ],
    [
      'a client of TLS on a plain port',
      () => plainServers,
      () => server.tls,
      /TLS: the server ended the handshake; a port without TLS does so/,
    ],
  ]
  it.each(cases)('%s: the status and the errors say so', async (_name, servers, tls, reason) => {
    await using store = open(servers(), tls(), undefined, { timeout: 500 })
    expect(await reasonOf(store, /not connected/)).toMatch(reason)
    await expect(firstValueFrom(store.get$('a'))).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringMatching(reason),
    })
  })

  it('an expired certificate, and one that is not for the address', async () => {
    const authority = new CertificateAuthority()
    const expired = authority.issue('server', { until: new Date(Date.now() - 1000) })
    const elsewhere = authority.issue('server', { hosts: ['zk.example', '10.0.0.1', 'fe80::12'] })
    for (const [identity, reason] of [
      [expired, /TLS: the server's certificate has expired/],
      [elsewhere, /TLS: the server's certificate is for another host: .*127\.0\.0\.1/],
    ] as const) {
      await using other = await impostor(identity)
      await using store = open(other.servers, { ca: authority.ca })
      expect(await reasonOf(store, /not connected/)).toMatch(reason)
    }
  })

  it('a certificate that a server refuses after the handshake, as TLS 1.3 has it', async () => {
    const authority = new CertificateAuthority()
    const { ca } = authority
    // Node's own server closes without an alert.
    await using other = await impostor({ ...authority.issue('server'), ...{ requestCert: true } })
    for (const tls of [{ ca }, { ...stranger, ca }]) {
      await using store = open(other.servers, tls)
      expect(await reasonOf(store, /not connected/)).toMatch(
        /does not take our certificate|refused the client's/,
      )
    }
    for (const code of [
      'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
      'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE',
      'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN',
    ]) {
      const error = Object.assign(new Error('alert'), { code })
      expect(tlsFailure(error, false)).toMatch(
        /^TLS: the server refused the client's certificate \(\w+ \w+\)$/,
      )
    }
    expect(tlsFailure(Object.assign(new Error(), { code: 'ECONNRESET' }), false)).toBeUndefined()
  })

  it('a plain client is told by a server of TLS that refuses it in its own words', async () => {
    await using other = await impostor(new CertificateAuthority().issue('server'))
    await using store = open(other.servers, undefined)
    expect(await reasonOf(store, /not connected/)).toMatch(/speaks TLS|a port for TLS does so/)
  })

  it('a server that stalls in the handshake', async () => {
    await using proxy = await startProxy(server.servers)
    await using store = zookeeperStore({
      servers: proxy.servers,
      tls: server.tls,
      root: freshRoot('tls'),
      value: text,
      sessionTimeout: 3000,
    })
    await connected(store)
    for (const fault of [{ connect: 'hang' }, { toClient: { cut: true } }] as const) {
      proxy.set(fault)
      proxy.reset()
      await reasonOf(store, /no answer to the TLS handshake in \d+ ms/)
      proxy.set()
      proxy.reset()
      await connected(store)
    }
  })

  it.each<[string, unknown, RegExp]>([
    ['no options', true, /tls: expected options/],
    ['an option that there is not', { caFile: 'x' }, /tls: there is no 'caFile'/],
    ['a certificate that is none', { cert: 'x', key: 'y' }, /tls: /],
    [
      'a function that fails',
      () => {
        throw new Error('no such vault')
      },
      /tls: no such vault/,
    ],
  ])('%s is refused', (_name, tls, message) => {
    expect(() => open('127.0.0.1:1', tls as Tls)).toThrow(message)
  })
})
