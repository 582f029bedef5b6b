import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { firstValueFrom } from 'rxjs'
import { json, KVError, openStore, parseStoreUrl, showStoreUrl } from 'rxkeeper'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from './lmdb/temporary.ts'
import { freshRoot, servers } from './setup/fresh-root.ts'

const value = json<number>()

const messageOf = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    if (error instanceof KVError && error.code === 'INVALID_ARGUMENT') return error.message
  }
  return 'no INVALID_ARGUMENT'
}

describe('openStore', () => {
  test('opens a store in memory, a new one each time', async () => {
    await using one = openStore('memory:', { value })
    await using other = openStore('memory:', { value })
    await firstValueFrom(one.put$('a', 1))
    expect(await firstValueFrom(one.get$('a'))).toBe(1)
    expect(await firstValueFrom(other.get$('a'))).toBeUndefined()
  })

  test('opens a store in a folder, its root from the query', async () => {
    const folder = join(temporaryFolder(), 'state')
    {
      await using store = openStore(`lmdb:${folder}`, { value })
      await firstValueFrom(store.put$('a', 1))
    }
    expect(existsSync(folder)).toBe(true)
    await using again = openStore(`lmdb:${folder}`, { value })
    expect(await firstValueFrom(again.get$('a'))).toBe(1)
    await using elsewhere = openStore(`lmdb:${folder}?root=other`, { value })
    expect(await firstValueFrom(elsewhere.get$('a'))).toBeUndefined()
  })

  test('a folder is named with %3F for a question mark, and no other one is made for an option that there is not', async () => {
    const folder = temporaryFolder()
    await using store = openStore(`lmdb:${folder}/a%3Fb%25?root=c%26d+e`, { value })
    await firstValueFrom(store.put$('a', 1))
    expect(readdirSync(folder)).toEqual(['a?b%'])
    for (const query of ['?rot=1', '?root=a&rot=1', '?=', '?root=a&root=b', '?ROOT=a']) {
      const message = messageOf(() => openStore(`lmdb:${folder}/x${query}`, { value }))
      expect([query, message]).toEqual([query, expect.stringMatching(/option/)])
    }
    expect(messageOf(() => parseStoreUrl(`lmdb:${folder}/50%`))).toMatch("'%' itself is '%25'")
    expect(readdirSync(folder)).toEqual(['a?b%'])
  })

  test('opens a store on an ensemble, with credentials, and the password from the environment', async () => {
    const root = freshRoot('open')
    await using owner = openStore(`zookeeper://alice:se%2Fcret@${servers}${root}`, { value })
    await firstValueFrom(owner.put$('a', 1))
    await using same = openStore(
      `zookeeper://alice@${servers}${root}`,
      { value },
      { RXKEEPER_PASSWORD: 'se/cret' },
    )
    expect(await firstValueFrom(same.get$('a'))).toBe(1)
    await using stranger = openStore(`zookeeper://bob:guess@${servers}${root}`, { value })
    await expect(firstValueFrom(stranger.get$('a'))).rejects.toMatchObject({ code: 'AUTH' })
  })

  test('takes the URL from the environment', async () => {
    await using store = openStore(undefined, { value }, { RXKEEPER_STORE: 'memory:' })
    expect(await firstValueFrom(store.get$('a'))).toBeUndefined()
    expect(messageOf(() => openStore(undefined, { value }, {}))).toMatch('RXKEEPER_STORE')
  })

  test('wants a password for a user', () => {
    expect(messageOf(() => openStore('zookeeper://alice@h/r', { value }, {}))).toMatch('RXKEEPER_PASSWORD')
  })

  test('leaves options of the query to the store, which names the one that is wrong', () => {
    expect(messageOf(() => openStore('zookeeper://h/r?acl=mine', { value }))).toMatch(/acl/)
    expect(messageOf(() => openStore('zookeeper://h/r?sessionTimeout=soon', { value }))).toMatch(
      /sessionTimeout/,
    )
  })
})

describe('parseStoreUrl', () => {
  test('reads servers, root, user, password and options', () => {
    expect(parseStoreUrl('zookeeper://al%40ice:p%3Aw@a:2181,[::1]:2182/apps/de%20mo?acl=open')).toEqual({
      type: 'zookeeper',
      servers: 'a:2181,[::1]:2182',
      tls: false,
      root: '/apps/de mo',
      user: 'al@ice',
      password: 'p:w',
      options: { acl: 'open' },
    })
  })

  test('tells no root from the top', () => {
    expect(parseStoreUrl('zookeeper://a')).toMatchObject({ servers: 'a', root: undefined, user: undefined })
    expect(parseStoreUrl('zookeeper://a/')).toMatchObject({ servers: 'a', root: '/' })
  })

  test('reads files for TLS, which only a URL for TLS may have', () => {
    expect(parseStoreUrl('zookeeper+tls://alice@a,b/r?ca=%2Fetc%2Fca.pem&cert=c&key=k')).toMatchObject({
      servers: 'a,b',
      tls: true,
      user: 'alice',
      options: { ca: '/etc/ca.pem', cert: 'c', key: 'k' },
    })
    expect(messageOf(() => parseStoreUrl('zookeeper://a/r?ca=c'))).toMatch("no option 'ca'")
  })

  test('reads a folder and the name of a root in it', () => {
    expect(parseStoreUrl('lmdb:/a b/%3Fc?root=d%26e+f')).toEqual({
      type: 'lmdb',
      path: '/a b/?c',
      root: 'd&e+f',
    })
    expect(parseStoreUrl('lmdb:c:\\state?')).toEqual({ type: 'lmdb', path: 'c:\\state', root: undefined })
  })

  test('an @ that was not encoded belongs to the password', () => {
    expect(parseStoreUrl('zookeeper://u:p@q@a/r')).toMatchObject({ servers: 'a', user: 'u', password: 'p@q' })
  })

  test.each([
    'zookeeper:/u:secret@a/r',
    'zookeeper+tls:/u:secret@a/r',
    'zookeeper+tls://u:secret%@a/r',
    'zookeeper+ssl://u:secret@a/r',
    'zookeeper://u:secret/x@a/r',
    'zookeeper://u:secret@a b/r',
    'zookeeper://u:secret%@a/r',
    'zookeper://u:secret@a/r',
    'u:secret@a',
    '//u:secret@a/r',
    'zookeeper://u:secret@a/r?other=1',
    'zookeeper://u:12/abc?secret@a:1/r',
    'zookeeper://u:12/secret@a:1/r',
    'zookeeper://u:12/abc?acl=secret@a:1/r',
  ])('%s is refused, and its password not shown', url => {
    const message = messageOf(() => parseStoreUrl(url))
    expect(message).not.toMatch('no INVALID_ARGUMENT')
    expect(message).not.toMatch('secret')
  })

  test.each(['', 'memory', 'memory:x', 'lmdb:', 'lmdb', 'zookeeper://', 'redis://a'])(
    '%j is refused',
    url => {
      expect(messageOf(() => parseStoreUrl(url))).not.toMatch('no INVALID_ARGUMENT')
    },
  )
})

test.each([
  ['zookeeper://u:secret@a/r', 'zookeeper://u:***@a/r'],
  ['zookeeper+tls://u:secret@a/r', 'zookeeper+tls://u:***@a/r'],
  ['zookeeper://u@a/r', 'zookeeper://u@a/r'],
  ['zookeeper://a:2181/r', 'zookeeper://a:2181/r'],
  ['lmdb:/home/u:v@w/db', 'lmdb:/home/u:v@w/db'],
  ['memory:', 'memory:'],
])('showStoreUrl shows %s as %s', (url, shown) => {
  expect(showStoreUrl(url)).toBe(shown)
})
