import { filter, firstValueFrom, map } from 'rxjs'
import { openStore, text, zookeeperStore } from 'rxkeeper'
import { startEnsemble, type ZooKeeperEnsemble } from 'rxkeeper/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { showAddress } from '../../src/engines/zookeeper/session/addresses.ts'
import { Attempts } from '../../src/engines/zookeeper/session/attempts.ts'
import type { Packet } from '../../src/engines/zookeeper/session/connection.ts'
import { Membership, readConfiguration } from '../../src/engines/zookeeper/session/membership.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'

describe('what an ensemble says of itself', () => {
  it.each([
    ['server.1=a:2888:3888:participant;b:2181', ['b:2181']],
    ['server.1=a:2888:3888;2181', ['a:2181']],
    ['server.1=a:2888:3888:observer;0.0.0.0:2181', ['a:2181']],
    ['server.1=[fe80::1]:2888:3888:participant;[::]:2181', ['[fe80::1]:2181']],
    ['server.1=a:2888:3888|b:2888:3888:participant;0.0.0.0:2181', ['a:2181']],
    ['server.1=a:2888:3888', []],
    ['', []],
  ])('%j', (line, expected) => {
    const { version, servers } = readConfiguration(`${line}\nversion=100000001a`)
    expect([version, servers.map(showAddress)]).toEqual([0x100000001a, expected])
  })
})

it('which server is tried next: those that there are by now', () => {
  const [a, b, c] = ['a', 'b', 'c'].map(host => ({ host, port: 1 }))
  const attempts = new Attempts([a!, b!], () => 0)
  attempts.next()
  attempts.replace([{ ...b! }, c!])
  attempts.lost(a!, 60_000)
  expect(new Set([attempts.next(), attempts.next()].map(showAddress))).toEqual(new Set(['b:1', 'c:1']))
  // The one that was lost comes last, under whatever object it was told.
  attempts.lost(b!, 60_000)
  expect([attempts.next(), attempts.next()].map(showAddress)).toEqual(['c:1', 'b:1'])
})

describe('following', () => {
  const answer = (text: string): Buffer => {
    const length = Buffer.alloc(20)
    length.writeInt32BE(text.length, 16)
    return Buffer.concat([length, Buffer.from(text)])
  }

  it('does not go back to what a server that lags behind says, and tells what was refused', () => {
    const told: string[] = []
    let asked: Packet
    const membership = new Membership(
      packet => {
        asked = packet
      },
      servers => told.push(servers.map(showAddress).join()),
      reason => told.push(reason),
    )
    const say = (error: number, text: string) => {
      membership.ask()
      asked.replied(error, 0, answer(text))
    }
    say(0, 'server.1=a:1:2;a:3\nversion=2')
    say(0, 'server.1=b:1:2;b:3\nversion=1')
    say(0, 'server.1=a:1:2;a:3\nserver.2=b:1:2;b:3\nversion=a')
    say(-102, '')
    expect(told).toEqual(['a:3', 'a:3,b:3', '/zookeeper/config cannot be read: NOAUTH (-102)'])
  })
})

describe('a store that follows the servers', () => {
  let ensemble: ZooKeeperEnsemble
  beforeAll(async () => {
    ensemble = await startEnsemble(1, { dynamic: true })
  })
  afterAll(() => ensemble?.stop())

  const open = (followServers: boolean) =>
    zookeeperStore({ servers: ensemble.servers, root: freshRoot('member'), value: text, followServers })

  it('goes to another one when its own has left, and not back', async () => {
    await using store = open(true)
    await firstValueFrom(store.put$('a', 'one'))
    const [first] = ensemble.members
    const second = await ensemble.add()
    const third = await ensemble.add()
    const moved = firstValueFrom(
      store.status$.pipe(
        filter(({ state, reason }) => state === 'connected' && !reason.includes(first!.servers)),
        map(({ reason }) => reason.split(',')[0]),
      ),
    )
    await ensemble.remove(first!)
    expect([second.servers, third.servers]).toContain(await moved)
    await firstValueFrom(store.put$('a', 'two'))
    expect(await firstValueFrom(store.get$('a'))).toBe('two')
  })

  it('does so over TLS, at the port that the ensemble tells', async () => {
    await using secured = await startEnsemble(1, { dynamic: true, tls: true })
    const { servers, tls, members } = secured
    await using store = zookeeperStore({
      servers,
      tls,
      root: freshRoot('member'),
      value: text,
      followServers: true,
    })
    await firstValueFrom(store.put$('a', 'one'))
    const first = members[0]!
    await secured.add()
    await secured.remove(first)
    await firstValueFrom(store.put$('a', 'two'))
    expect((await firstValueFrom(store.status$)).reason).not.toContain(first.servers)
  })

  it('is told by a URL', async () => {
    await using store = openStore(`zookeeper://${servers}${freshRoot('member')}?followServers=true`, {
      value: text,
    })
    // The shared server stands alone, and says nothing of addresses.
    const told = store.status$.pipe(filter(({ reason }) => reason.includes('not followed')))
    expect((await firstValueFrom(told)).reason).toContain('no addresses for clients')
    await firstValueFrom(store.put$('a', 'one'))
    expect(() => openStore(`zookeeper://a/r?followServers=1`, { value: text })).toThrow(/followServers/)
  })
})
