import { filter, firstValueFrom } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { text } from '../../src/codecs.ts'
import { parseServers, showAddress } from '../../src/engines/zookeeper/session/addresses.ts'
import { type ZooKeeperStoreOptions, zookeeperStore } from '../../src/engines/zookeeper/store.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'

const open = (options: Partial<ZooKeeperStoreOptions<string>>) =>
  zookeeperStore({ servers, root: freshRoot('store'), value: text, ...options })

describe('zookeeperStore', () => {
  it.each<[name: string, value: unknown]>([
    ['servers', ''],
    ['servers', 'a,,b'],
    ['servers', 'a:0'],
    ['servers', 'a:65536'],
    ['servers', 'a:x'],
    ['servers', '::1'],
    ['servers', 'a b'],
    ['servers', []],
    ['servers', [1]],
    ['servers', undefined],
    ['servers', null],
    ['servers', 'localhost:2181/app'],
    ['root', 'app'],
    ['root', '/app/'],
    ['root', 7],
    ['sessionTimeout', 99],
    ['sessionTimeout', 1.5],
    ['sessionTimeout', '15000'],
    ['maxPacketBytes', 4095],
    ['maxPacketBytes', Number.NaN],
    ['acl', 'everybody'],
    ['acl', 'creator'],
    ['consistency', 'eventual'],
    ['credentials', 'user:password'],
    ['credentials', { user: 'a:b', password: 'x' }],
    ['credentials', { user: '', password: 'x' }],
    ['credentials', { user: 'a' }],
    ['timeout', 0],
    ['cache', -1],
  ])('refuses %s: %j, naming it', (name, value) => {
    expect(() => open({ [name]: value })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(name) }),
    )
  })

  it('points a path in `servers` to `root`', () => {
    expect(() => open({ servers: 'localhost:2181/app' })).toThrow('`root`')
  })

  it('tells no password', () => {
    const credentials = { user: 'a:b', password: 'geheim' }
    expect(() => open({ credentials })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('geheim') }),
    )
  })

  it('keeps others out with credentials, and lets them in with `open`', async () => {
    const credentials = { user: 'alice', password: 'p:w' }
    const root = freshRoot('store')
    await using mine = open({ root, credentials })
    await using strange = open({ root })
    await firstValueFrom(mine.put$('k', 'v'))
    await expect(firstValueFrom(strange.get$('k'))).rejects.toMatchObject({ code: 'AUTH' })
    await expect(firstValueFrom(strange.put$('k', 'x'))).rejects.toMatchObject({ code: 'AUTH' })
    await expect(firstValueFrom(strange.keys$())).rejects.toMatchObject({ code: 'AUTH' })
    await using shared = open({ credentials, acl: 'open' })
    await firstValueFrom(shared.put$('k', 'v'))
  })

  it('reads what another client has written, after a sync', async () => {
    const root = freshRoot('store')
    await using one = open({ root })
    await using other = open({ root, consistency: 'linearizable' })
    await firstValueFrom(other.status$.pipe(filter(({ state }) => state === 'connected')))
    for (let i = 0; i < 20; i++) {
      await firstValueFrom(one.put$('k', String(i)))
      expect(await firstValueFrom(other.get$('k'))).toBe(String(i))
      expect(await firstValueFrom(other.keys$())).toBe('k')
    }
  })

  it('refuses a cache with linearizable reads, which it could not keep', () => {
    expect(() => open({ consistency: 'linearizable', cache: 1 })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('cache: 1') }),
    )
  })

  it('takes values up to `maxPacketBytes`', async () => {
    await using store = open({ maxPacketBytes: 5000 })
    await firstValueFrom(store.put$('k', 'x'.repeat(4800)))
    await expect(firstValueFrom(store.put$('k', 'x'.repeat(5000)))).rejects.toMatchObject({
      code: 'VALUE_TOO_LARGE',
    })
  })
})

describe('parseServers', () => {
  it.each([
    ['a', ['a:2181']],
    ['a:1, b:2 ,[::1]:3,[fe80::1%eth0]', ['a:1', 'b:2', '[::1]:3', '[fe80::1%eth0]:2181']],
    [
      ['10.0.0.1', 'zk-1.example:2182'],
      ['10.0.0.1:2181', 'zk-1.example:2182'],
    ],
  ])('takes %j', (given, shown) => {
    expect(parseServers(given).map(showAddress)).toEqual(shown)
  })
})
