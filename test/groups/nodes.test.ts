import { firstValueFrom, take, toArray } from 'rxjs'
import { describe, expect, it, vi } from 'vitest'
import type { Engine, NodeEntry, WatchSignal, Write, Written } from '../../src/contract/engine.ts'
import { childOf, nodeKey } from '../../src/contract/nodes.ts'
import { MemoryEngine } from '../../src/engines/memory/engine.ts'
import { Memory } from '../../src/engines/memory/memory.ts'
import { endSession } from '../../src/testing/expire-session.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { failureOf, openEngine, put, reached, valuesOf, within } from '../zookeeper/opening.ts'

/** Data that several engines share, as processes do. */
interface Place extends AsyncDisposable {
  open(): Engine
  /** Ends the session of an engine, as its expiry does. */
  expire(engine: Engine): Promise<void>
}

function memoryPlace(): Place {
  const memory = new Memory()
  return {
    open: () => new MemoryEngine(memory),
    expire: async engine => (engine as MemoryEngine).expire(),
    [Symbol.asyncDispose]: async () => {},
  }
}

function zookeeperPlace(buckets: number): Place {
  const root = freshRoot('nodes')
  const engines: Engine[] = []
  const [host, port] = servers.split(':')
  return {
    open: () => {
      const engine = openEngine(servers, { root, buckets })
      engines.push(engine)
      return engine
    },
    expire: async engine => {
      const { reason } = await reached(engine, 'connected')
      const id = /session (0x[0-9a-f]+)/.exec(reason)![1]!
      const lost = reached(engine, 'lost')
      await endSession({ host: host!, port: Number(port) }, BigInt(id))
      await lost
    },
    async [Symbol.asyncDispose]() {
      for (const engine of engines) await engine.close()
    },
  }
}

const commit = (engine: Engine, ...writes: Write[]): Promise<readonly Written[]> =>
  firstValueFrom(engine.commit(writes, within(20_000)))
const remove = (key: string, ifVersion?: number): Write => ({ type: 'delete', key, ifVersion })
const ephemeral = (key: string, value: string): Write => ({
  ...put(key, value, 'absent'),
  ephemeral: true,
})
const namesOf = (children: readonly NodeEntry[]) => children.map(({ name }) => name).sort()

const group = nodeKey('groups', 'of/two names')
const owner = childOf(childOf(group, 'owners'), 'part/0')
const partition = childOf(childOf(group, 'partitions'), 'part/0')

describe.each([
  ['memory', memoryPlace],
  ['zookeeper', () => zookeeperPlace(0)],
  ['zookeeper with buckets', () => zookeeperPlace(16)],
])('nodes of %s', (_name, placeOf) => {
  it('are written with keys, all or none, on condition of their versions', async () => {
    await using place = placeOf()
    const engine = place.open()
    await commit(engine, put(partition, 'p0', 'absent'), put('alice', '1'))
    const [written] = await commit(engine, put(partition, 'p1', 0), put('alice', '2'))
    expect(written).toMatchObject({ existed: true, version: 1 })
    const error = await failureOf(commit(engine, put('alice', '3'), put(partition, 'p2', 0)))
    expect(error).toMatchObject({ code: 'VERSION_CONFLICT', key: partition })
    expect(error.message).toContain('node "groups/of/two names/partitions/part/0"')
    expect(await valuesOf(engine, partition, 'alice')).toEqual(['p1', '2'])
  })

  it('are seen neither by listings nor by watches of keys', async () => {
    await using place = placeOf()
    const engine = place.open()
    const signals: WatchSignal[] = []
    const watching = engine.watch().subscribe(signal => signals.push(signal))
    await commit(engine, put(partition, '0', 'absent'), ephemeral(owner, 'me'))
    await commit(engine, put('alice', '1'))
    await vi.waitFor(() => expect(signals).toContainEqual({ type: 'changed', keys: ['alice'] }))
    watching.unsubscribe()
    expect(signals.filter(({ type }) => type === 'changed')).toHaveLength(1)
    expect(await firstValueFrom(engine.keys({}).next(within(20_000)))).toEqual(['alice'])
    const entries = await firstValueFrom(engine.entries({}).next(within(20_000)))
    expect(entries.map(({ key }) => key)).toEqual(['alice'])
  })

  it('go, if ephemeral, with the session that made them, and only then', async () => {
    await using place = placeOf()
    const [one, other] = [place.open(), place.open()]
    await commit(one, ephemeral(owner, 'one'), put(partition, '0', 'absent'))
    expect(await failureOf(commit(other, ephemeral(owner, 'other'), put('alice', '1')))).toMatchObject({
      code: 'VERSION_CONFLICT',
      key: owner,
    })
    const goes = firstValueFrom(other.nodes!.children(childOf(group, 'owners')).pipe(take(2), toArray()))
    // Only when the first listing is there.
    await firstValueFrom(other.nodes!.children(childOf(group, 'owners')))
    await place.expire(one)
    expect((await goes).map(namesOf)).toEqual([['part/0'], []])
    expect(await valuesOf(other, owner, partition, 'alice')).toEqual([undefined, '0', undefined])
    // The new session of the same engine makes its own.
    await reached(one, 'connected')
    await commit(one, ephemeral(owner, 'one again'))
    expect(await valuesOf(other, owner)).toEqual(['one again'])
    await one.close()
    await vi.waitFor(async () => expect(await valuesOf(other, owner)).toEqual([undefined]))
  })

  it('are listed with their values below one that may not be there yet, again when one comes or goes', async () => {
    await using place = placeOf()
    const [one, other] = [place.open(), place.open()]
    const members = childOf(group, 'members')
    const seen: string[][] = []
    const following = one.nodes!.children(members).subscribe(children => {
      seen.push(children.map(({ name, value }) => `${name}=${Buffer.from(value)}`).sort())
    })
    await vi.waitFor(() => expect(seen).toEqual([[]]))
    await commit(other, ephemeral(childOf(members, 'a/b'), '1'))
    await vi.waitFor(() => expect(seen.at(-1)).toEqual(['a/b=1']))
    await commit(other, ephemeral(childOf(members, 'c'), '2'), remove(childOf(members, 'a/b')))
    await vi.waitFor(() => expect(seen.at(-1)).toEqual(['c=2']))
    await place.expire(one)
    await reached(one, 'connected')
    await commit(other, remove(childOf(members, 'c'), 0))
    await vi.waitFor(() => expect(seen.at(-1)).toEqual([]))
    following.unsubscribe()
    const before = seen.length
    await commit(other, put(childOf(members, 'd'), '3'))
    expect(await valuesOf(one, childOf(members, 'd'))).toEqual(['3'])
    expect(seen).toHaveLength(before)
  })
})
