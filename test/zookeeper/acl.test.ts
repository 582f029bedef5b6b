import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { count, firstValueFrom, lastValueFrom, take, tap, toArray } from 'rxjs'
import { openStore, storeAcl$, text, type ZooKeeperStoreOptions, zookeeperStore } from 'rxkeeper'
import { startProxy } from 'rxkeeper/testing'
import { describe, expect, it } from 'vitest'
import { parseAcl, readAcl, showAcl, splitAcl } from '../../src/engines/zookeeper/wire/acl.ts'
import { encodeAcl } from '../../src/engines/zookeeper/wire/requests.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'

const alice = { user: 'alice', password: 'a-secret' }
const bob = { user: 'bob', password: 'b-secret' }
const hashOf = ({ user, password }: typeof bob): string =>
  createHash('sha1').update(`${user}:${password}`).digest('base64')
const BOB = `digest:bob:${hashOf(bob)}`

const open = (root: string, options: Partial<ZooKeeperStoreOptions<string>> = {}) =>
  zookeeperStore({ servers, root, value: text, ...options })

const refused = expect.objectContaining({ code: 'AUTH' })

describe('the notation of lists', () => {
  const entries = fc.record({
    scheme: fc.constantFrom('x509', 'sasl'),
    id: fc.string({ minLength: 1, unit: 'binary' }),
    perms: fc.integer({ min: 1, max: 31 }),
  })

  it('is read as it is written, also after a way over the wire', () => {
    fc.assert(
      fc.property(fc.array(entries, { minLength: 1 }), list => {
        const shown = showAcl(list)
        expect(showAcl(parseAcl(shown))).toEqual(shown)
        expect(readAcl(Buffer.concat([Buffer.alloc(16), encodeAcl(list)]))).toEqual(list)
      }),
    )
  })

  it('has ids of any character', () => {
    expect(parseAcl(['sasl:\n:r'])).toEqual([{ scheme: 'sasl', id: '\n', perms: 1 }])
  })

  it('is split at commas that are between entries', () => {
    expect(splitAcl('auth::cdrwa,x509:CN=a,O=b:r,world:anyone:r')).toEqual([
      'auth::cdrwa',
      'x509:CN=a,O=b:r',
      'world:anyone:r',
    ])
  })

  it.each<[readonly unknown[]]>([
    [[]],
    [['']],
    [['world:anyone']],
    [['world:anyone:']],
    [['world:anyone:rr']],
    [['world:anyone:rx']],
    [['world:bob:r']],
    [['auth:bob:r']],
    [['digest:bob:secret:r']],
    [['ip:example.org:r']],
    [['sasl::r']],
    [['kerberos:bob:r']],
    [[{ scheme: 'sasl' }]],
  ])('refuses %j', list => {
    expect(() => open('/any', { credentials: alice, acl: list as string[] })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(/^acl: /) }),
    )
  })
})

describe('the option `acl`', () => {
  it('lets in whom the list says, to what it says', async () => {
    const root = freshRoot('acl')
    await using owner = open(root, { credentials: alice, acl: ['auth::cdrwa', `${BOB}:r`] })
    await firstValueFrom(owner.put$('k', 'v'))
    await using reader = open(root, { credentials: bob })
    expect(await firstValueFrom(reader.get$('k'))).toBe('v')
    expect(await firstValueFrom(reader.keys$())).toBe('k')
    for (const attempt of [reader.put$('k', 'x'), reader.put$('new', 'x'), reader.delete$('k')]) {
      await expect(firstValueFrom<unknown>(attempt)).rejects.toEqual(refused)
    }
    await using stranger = open(root)
    for (const attempt of [
      stranger.get$('k'),
      stranger.keys$(),
      stranger.put$('k', 'x'),
      stranger.delete$('k'),
    ]) {
      await expect(firstValueFrom<unknown>(attempt)).rejects.toEqual(refused)
    }
    expect(await firstValueFrom(owner.get$('k'))).toBe('v')
  })

  it('is given in a URL, with commas', async () => {
    const root = freshRoot('acl')
    const url = `zookeeper://alice:a-secret@${servers}${root}?acl=auth::cdrwa,world:anyone:r`
    await using owner = openStore(url, { value: text })
    await firstValueFrom(owner.put$('k', 'v'))
    await using stranger = open(root)
    expect(await firstValueFrom(stranger.get$('k'))).toBe('v')
    await expect(firstValueFrom(stranger.put$('k', 'x'))).rejects.toEqual(refused)
  })

  it.each([['creator'], [['auth::cdrwa']]])('%j needs somebody to be', acl => {
    expect(() => open('/any', { acl: acl as 'creator' })).toThrow(/need credentials, or a certificate/)
  })
})

describe('storeAcl$', () => {
  const KEYS = 600

  /** A store with keys in buckets, open to everybody. */
  async function filled(): Promise<string> {
    const root = freshRoot('acl')
    await using store = open(root, { buckets: 8 })
    await firstValueFrom(store.putAll$(Array.from({ length: KEYS }, (_, i) => [`key-${i}`, 'v'] as const)))
    return root
  }

  it('tells the list of every node, the root at last', async () => {
    const root = await filled()
    const nodes = await lastValueFrom(storeAcl$({ servers, root }).pipe(toArray()))
    const buckets = nodes.filter(({ path }) => /^\/[^/]+\/00\d$/.test(path))
    expect(buckets).toHaveLength(8)
    expect(nodes.filter(({ path }) => path.includes('/key-'))).toHaveLength(KEYS)
    expect(nodes.at(-1)).toEqual({ path: root, acl: ['world:anyone:cdrwa'], changed: false })
  })

  it('takes a store from everybody else, and goes on where it was broken off', async () => {
    const root = await filled()
    const place = { servers, root, credentials: alice }
    const acl = [`digest:alice:${hashOf(alice)}:cdrwa`]
    const total = await lastValueFrom(storeAcl$(place).pipe(count()))
    let before = 0
    await lastValueFrom(
      storeAcl$(place, { acl }).pipe(
        take(KEYS / 2),
        tap(({ changed }) => changed && before++),
      ),
    )
    const rest = await lastValueFrom(storeAcl$(place, { acl }).pipe(toArray()))
    expect(rest).toHaveLength(total)
    const changed = rest.filter(each => each.changed).length
    expect(before).toBe(KEYS / 2)
    expect(changed).toBeLessThanOrEqual(total - before)
    expect(changed).toBeGreaterThan(0)
    expect(
      await lastValueFrom(
        storeAcl$(place, { acl }).pipe(
          take(total),
          count(each => each.changed),
        ),
      ),
    ).toBe(0)

    await using owner = open(root, { buckets: 8, credentials: alice })
    expect(await firstValueFrom(owner.get$('key-7'))).toBe('v')
    await using stranger = open(root, { buckets: 8 })
    for (const attempt of [stranger.get$('key-7'), stranger.put$('key-7', 'x'), stranger.keys$()]) {
      await expect(firstValueFrom<unknown>(attempt)).rejects.toEqual(refused)
    }
    await expect(lastValueFrom(storeAcl$({ servers, root }))).rejects.toEqual(refused)
    await expect(
      lastValueFrom(storeAcl$({ servers, root, credentials: bob }, { acl: ['world:anyone:cdrwa'] })),
    ).rejects.toEqual(refused)
  })

  it('gives away even the permission to change it, but at last', async () => {
    const root = await filled()
    const last = await lastValueFrom(storeAcl$({ servers, root }, { acl: [`${BOB}:r`] }))
    expect(last).toEqual({ path: root, acl: [`${BOB}:r`], changed: true })
    await using reader = open(root, { buckets: 8, credentials: bob })
    expect(await firstValueFrom(reader.get$('key-1'))).toBe('v')
    await expect(firstValueFrom(reader.put$('key-1', 'x'))).rejects.toEqual(refused)
  })

  it('comes to its end over connections that break', async () => {
    const root = await filled()
    await using proxy = await startProxy(servers)
    const place = { servers: proxy.servers, root, credentials: alice }
    let seen = 0
    const all = storeAcl$(place, { acl: ['auth::cdrwa'], timeout: 60_000 }).pipe(
      tap(() => ++seen % 200 === 0 && proxy.reset()),
      toArray(),
    )
    const paths = (await lastValueFrom(all)).map(({ path }) => path)
    expect(proxy.connections).toBeGreaterThan(1)
    expect(new Set(paths).size).toBe(paths.length)
    const owned = await lastValueFrom(storeAcl$({ servers, root, credentials: alice }).pipe(toArray()))
    expect(new Set(owned.map(({ acl }) => acl.join()))).toEqual(
      new Set([`digest:alice:${hashOf(alice)}:cdrwa`]),
    )
    expect(paths).toHaveLength(owned.length)
  })

  it('refuses what is no list, nobody, no such store, and who does not answer', async () => {
    const place = { servers, root: '/any' }
    expect(() => storeAcl$(place, { acl: ['all'] })).toThrow(/'?"?all/)
    expect(() => storeAcl$(place, { acl: ['auth::r'] })).toThrow(/needs credentials/)
    expect(() => storeAcl$('memory:')).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }))
    expect(() => storeAcl$(place, { timeout: 0 })).toThrow(/timeout/)
    await expect(
      lastValueFrom(storeAcl$({ servers: '127.0.0.1:1', root: '/any' }, { timeout: 200 })),
    ).rejects.toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('ECONNREFUSED') })
    await expect(lastValueFrom(storeAcl$({ servers, root: freshRoot('none') }))).rejects.toMatchObject({
      code: 'ENGINE',
    })
  })
})
