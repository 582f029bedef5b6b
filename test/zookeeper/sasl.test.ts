import { firstValueFrom } from 'rxjs'
import { openStore, text, zookeeperStore } from 'rxkeeper'
import { startProxy, startZooKeeper, type ZooKeeperServer } from 'rxkeeper/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DigestMd5 } from '../../src/engines/zookeeper/session/digest-md5.ts'
import { freshRoot, servers as withoutSasl } from '../setup/fresh-root.ts'

const PASSWORDS = { alice: 'se"cr,et\\=', bob: 'bob-secret', carol: 'pässwörd' }
let server: ZooKeeperServer

beforeAll(async () => {
  server = await startZooKeeper({ saslUsers: PASSWORDS })
})
afterAll(() => server.stop())

const open = (user: string, password: string, root: string, servers = server.servers) =>
  zookeeperStore({ servers, root, credentials: { user, password, scheme: 'sasl' }, value: text })

describe('SASL DIGEST-MD5', () => {
  it.each(Object.entries(PASSWORDS))('lets %s in, whatever is in the password', async (user, password) => {
    const root = freshRoot('sasl')
    await using store = open(user, password, root)
    await firstValueFrom(store.put$('a', 'mine'))
    expect(await firstValueFrom(store.get$('a'))).toBe('mine')
    await using bob = open('bob', PASSWORDS.bob, root)
    if (user !== 'bob') await expect(firstValueFrom(bob.get$('a'))).rejects.toMatchObject({ code: 'AUTH' })
    await using stranger = zookeeperStore({ servers: server.servers, root, value: text })
    await expect(firstValueFrom(stranger.get$('a'))).rejects.toMatchObject({ code: 'AUTH' })
  })

  it('is done again on each connection', async () => {
    await using proxy = await startProxy(server.servers)
    await using store = open('alice', PASSWORDS.alice, freshRoot('sasl'), proxy.servers)
    for (const value of ['one', 'two', 'three']) {
      await firstValueFrom(store.put$('a', value))
      proxy.reset()
      expect(await firstValueFrom(store.get$('a'))).toBe(value)
    }
  })

  it.each([
    ['a wrong password', () => server.servers, 'alice', 'guess', /refused the credentials: AUTHFAILED/],
    ['an unknown user', () => server.servers, 'mallory', 'guess', /refused the credentials: AUTHFAILED/],
    ['a server without users', () => withoutSasl, 'alice', 'guess', /SASL|refused the credentials/],
  ])('%s: AUTH, at once and for good', async (_name, servers, user, password, reason) => {
    await using store = open(user, password, freshRoot('sasl'), servers())
    await expect(firstValueFrom(store.get$('a'))).rejects.toMatchObject({
      code: 'AUTH',
      message: expect.stringMatching(reason),
    })
    const { state, reason: told } = await firstValueFrom(store.status$)
    expect([state, told]).toEqual(['lost', expect.stringMatching(reason)])
    expect(told).not.toContain(password)
  })

  it('is named in a URL', async () => {
    const url = `zookeeper://bob@${server.servers}${freshRoot('sasl')}?scheme=sasl`
    await using store = openStore(url, { value: text }, { RXKEEPER_PASSWORD: PASSWORDS.bob })
    await firstValueFrom(store.put$('a', 'one'))
    expect(() =>
      openStore(url.replace('scheme=sasl', 'scheme=plain'), { value: text }, { RXKEEPER_PASSWORD: 'x' }),
    ).toThrow(/credentials\.scheme/)
  })
})

// The example of RFC 2831, section 4, with our own digest-uri.
const challenge =
  'realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8'

describe('the client of DIGEST-MD5', () => {
  it('proves the password, and wants the same of the server', () => {
    const client = new DigestMd5('chris', 'secret', 'OA6MHXh6VqTrRk')
    const answer = client.answer(Buffer.from(challenge))!.toString()
    expect(answer).toContain(
      'username="chris",realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",nc=00000001',
    )
    expect(answer).toContain('digest-uri="zookeeper/zk-sasl-md5"')
    expect(() => client.answer(Buffer.from('rspauth=00000000000000000000000000000000'))).toThrow(
      /password itself/,
    )
  })

  it('refuses a server that asks for less, or says nothing', () => {
    for (const said of ['', 'nonce="x",qop="auth-conf"', 'realm="x"']) {
      expect(() => new DigestMd5('a', 'b').answer(Buffer.from(said))).toThrow(
        /does not offer SASL DIGEST-MD5/,
      )
    }
  })
})
