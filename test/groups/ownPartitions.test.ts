import { BehaviorSubject, firstValueFrom, NEVER, of, Subject } from 'rxjs'
import { describe, expect, it, vi } from 'vitest'
import { json } from '../../src/codecs.ts'
import type { Engine } from '../../src/contract/engine.ts'
import { MemoryEngine } from '../../src/engines/memory/engine.ts'
import { Memory } from '../../src/engines/memory/memory.ts'
import { memoryStore } from '../../src/engines/memory/store.ts'
import { ownPartitions$ } from '../../src/groups/ownPartitions.ts'
import { lmdbStore } from '../../src/lmdb.ts'
import { mostCommits } from '../../src/operators/internal/commit-stream.ts'
import { FENCE_STRIDE } from '../../src/store/fence.ts'
import { temporaryFolder } from '../lmdb/temporary.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { failureOf, openEngine, within } from '../zookeeper/opening.ts'
import { TestMember } from './members.ts'

const settled = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 5 })

function memoryPlace() {
  const memory = new Memory()
  return { open: (): Engine => new MemoryEngine(memory), [Symbol.asyncDispose]: async () => {} }
}

function zookeeperPlace() {
  const root = freshRoot('groups')
  const engines: Engine[] = []
  return {
    open: () => {
      const engine = openEngine(servers, { root })
      engines.push(engine)
      return engine
    },
    async [Symbol.asyncDispose]() {
      for (const engine of engines) await engine.close()
    },
  }
}

describe.each([
  ['memory', memoryPlace],
  ['zookeeper', zookeeperPlace],
])('owned partitions on %s', (_name, placeOf) => {
  const partitions = () => new BehaviorSubject<readonly string[]>(['0', '1', '2', '3'])

  it('are all of one member, shared with those that join, taken over from those that leave', async () => {
    await using place = placeOf()
    const partitions$ = partitions()
    const a = new TestMember(place.open(), 'a', partitions$)
    await settled(() => expect(a.names).toEqual(['0', '1', '2', '3']))
    const b = new TestMember(place.open(), 'b', partitions$)
    await settled(() => expect(b.names).toEqual(['2', '3']))
    await settled(() => expect(a.names).toEqual(['0', '1']))
    const c = new TestMember(place.open(), 'c', partitions$)
    await settled(() => expect([a.names.length, b.names.length, c.names.length]).toEqual([2, 1, 1]))
    expect(c.names).toEqual(['3'])
    a.leave$.next()
    await settled(() => expect([...b.names, ...c.names].sort()).toEqual(['0', '1', '2', '3']))
    expect(a.state).toBe('left')
    b.stop()
    await settled(() => expect(c.names).toEqual(['0', '1', '2', '3']))
    expect([a.lost, b.lost, c.lost]).toEqual([[], [], []])
    c.stop()
  })

  it('of more members than there are, some own none, until one is needed', async () => {
    await using place = placeOf()
    const partitions$ = new BehaviorSubject<readonly string[]>(['only'])
    const a = new TestMember(place.open(), 'a', partitions$)
    await settled(() => expect(a.names).toEqual(['only']))
    const spare = new TestMember(place.open(), 'b', partitions$)
    await a.advance('only')
    a.stop()
    await settled(() => expect(spare.names).toEqual(['only']))
    expect(spare.owned.get('only')!.position).toBe(1)
    spare.stop()
  })

  it('come and go while the group runs', async () => {
    await using place = placeOf()
    const partitions$ = partitions()
    const a = new TestMember(place.open(), 'a', partitions$)
    const b = new TestMember(place.open(), 'b', partitions$)
    await settled(() => expect([a.names.length, b.names.length]).toEqual([2, 2]))
    partitions$.next(['0', '1', '2', '3', '4', '5'])
    await settled(() => expect([a.names.length, b.names.length]).toEqual([3, 3]))
    partitions$.next(['0'])
    await settled(() => expect([...a.names, ...b.names]).toEqual(['0']))
    a.stop()
    b.stop()
  })

  it('are let go only when their consumer has finished, with the position that it left', async () => {
    await using place = placeOf()
    const partitions$ = partitions()
    const a = new TestMember(place.open(), 'a', partitions$)
    await settled(() => expect(a.names).toHaveLength(4))
    a.obliging = false
    const b = new TestMember(place.open(), 'b', partitions$)
    await settled(async () => void (await firstValueFrom(a.owned.get('3')!.release$)))
    await a.advance('3')
    await a.advance('3')
    expect(b.names).toEqual([])
    a.owned.get('3')!.done()
    await settled(() => expect(b.names).toEqual(['3']))
    expect(b.owned.get('3')!.fences[0].state).toEqual({ position: 2, records: 2 })
    expect(a.names).toEqual(['0', '1', '2'])
    a.stop()
    b.stop()
  })

  it('are fenced: nothing of an owner whose partition another has claimed is carried out', async () => {
    await using place = placeOf()
    const partitions$ = new BehaviorSubject<readonly string[]>(['p'])
    const a = new TestMember(place.open(), 'a', partitions$)
    await settled(() => expect(a.names).toEqual(['p']))
    await a.advance('p')
    const stale = a.owned.get('p')!.fences[0]
    const before = stale.version
    a.stop()
    const b = new TestMember(place.open(), 'b', partitions$)
    await settled(() => expect(b.names).toEqual(['p']))
    // Each of those that can have been under way at once.
    for (let ahead = 0; ahead < mostCommits({ fences: [] as never }); ahead++) {
      const write = stale.write({ position: 7, records: 7 }, before + ahead)
      const late = a.engine.commit(
        [write, { type: 'put', key: 'state', value: Buffer.from('7') }],
        within(20_000),
      )
      expect(await failureOf(late)).toMatchObject({ code: 'VERSION_CONFLICT', key: stale.node })
    }
    await b.advance('p')
    expect(b.owned.get('p')!.fences[0].state.position).toBe(2)
    expect(await firstValueFrom(b.engine.read(['state'], within(20_000)))).toEqual([undefined])
    b.stop()
  })

  it('that are found to be fenced are given up, and claimed again where they are ours after all', async () => {
    await using place = placeOf()
    const a = new TestMember(place.open(), 'a', new BehaviorSubject<readonly string[]>(['p']))
    await settled(() => expect(a.names).toEqual(['p']))
    await a.advance('p')
    const {
      fences: [fence],
    } = a.owned.get('p')!
    // Somebody sets the node who is no member at all.
    const other = place.open()
    await firstValueFrom(
      other.commit([fence.write({ position: 5, records: 1 }, fence.version)], within(20_000)),
    )
    const cause = await failureOf(a.advance('p'))
    expect(fence.fenced(cause)).toMatchObject({ code: 'FENCED', partition: 'p', cause })
    expect(a.lost).toEqual(['p: FENCED'])
    await settled(() => expect(a.names).toEqual(['p']))
    expect(a.owned.get('p')!.position).toBe(5)
    await other.close()
    a.stop()
  })

  it('of two groups have nothing to do with each other', async () => {
    await using place = placeOf()
    const a = new TestMember(place.open(), 'a', partitions())
    await settled(() => expect(a.names).toHaveLength(4))
    const b = new TestMember(place.open(), 'a', partitions(), 'other/group')
    await settled(() => expect(b.names).toHaveLength(4))
    expect(a.names).toHaveLength(4)
    a.stop()
    b.stop()
  })
})

describe('owned partitions', () => {
  it('are lost with the session, and claimed again in the next', async () => {
    const memory = new Memory()
    const partitions$ = new BehaviorSubject<readonly string[]>(['0', '1'])
    const engine = new MemoryEngine(memory)
    const a = new TestMember(engine, 'a', partitions$)
    await settled(() => expect(a.names).toEqual(['0', '1']))
    const {
      fences: [fence],
    } = a.owned.get('0')!
    engine.expire()
    expect(a.lost.sort()).toEqual(['0: FENCED', '1: FENCED'])
    await settled(() => expect(a.names).toEqual(['0', '1']))
    expect(a.owned.get('0')!.fences[0].version).toBe(fence.version + FENCE_STRIDE)
    a.stop()
    expect([...memory.nodes.values()].filter(({ session }) => session !== undefined)).toEqual([])
  })

  it('a session that ends while all else goes on moves what it owned, and no more', async () => {
    const memory = new Memory()
    const partitions$ = new BehaviorSubject<readonly string[]>(['0', '1', '2', '3', '4', '5'])
    const engine = new MemoryEngine(memory)
    const a = new TestMember(engine, 'a', partitions$)
    const b = new TestMember(new MemoryEngine(memory), 'b', partitions$)
    await settled(() => expect([a.names.length, b.names.length]).toEqual([3, 3]))
    const before = new Map(b.names.map(name => [name, b.owned.get(name)!.fences[0].version]))
    engine.expire()
    await settled(() => expect([a.names.length, b.names.length]).toEqual([3, 3]))
    expect(b.lost).toEqual([])
    for (const partition of b.names.filter(name => before.has(name))) {
      expect(b.owned.get(partition)!.fences[0].version).toBe(before.get(partition))
    }
    a.stop()
    b.stop()
  })

  it('run$ takes records until it is to give up, lets what follows complete, and lets go', async () => {
    const memory = new Memory()
    const store = memoryStore({ value: json<number>(), memory })
    const partitions$ = new BehaviorSubject<readonly string[]>(['p'])
    const leave$ = new Subject<void>()
    const seen: unknown[] = []
    const done = new Promise<void>((resolve, reject) => {
      ownPartitions$(store, { group: 'g', partitions$, leave$ }).subscribe({
        next: owned =>
          owned.run$(NEVER, source => source).subscribe({ complete: () => seen.push('completed') }),
        complete: resolve,
        error: reject,
      })
    })
    await settled(() => expect([...memory.nodes.keys()].some(node => node.includes('owners/'))).toBe(true))
    leave$.next()
    await done
    expect(seen).toEqual(['completed'])
    await store.close()
  })

  it('complete when the store is closed', async () => {
    const engine = new MemoryEngine(new Memory())
    const a = new TestMember(engine, 'a', new BehaviorSubject<readonly string[]>(['p']))
    await settled(() => expect(a.names).toEqual(['p']))
    await engine.close()
    expect(a.state).toBe('left')
    expect(a.lost).toEqual(['p: FENCED'])
  })

  it('are UNSUPPORTED where the engine has no ephemeral nodes', async () => {
    await using store = lmdbStore({ path: temporaryFolder(), value: json<number>() })
    const owned$ = ownPartitions$(store, { group: 'g', partitions$: of(['p']) })
    expect(await failureOf(owned$)).toMatchObject({
      code: 'UNSUPPORTED',
      message: 'groups need ephemeral nodes, which the lmdb engine has not',
    })
  })

  it.each([[''], ['\ud800'], [7]])('refuse %j as the name of a partition', async name => {
    const store = memoryStore({ value: json<number>() })
    const owned$ = ownPartitions$(store, { group: 'g', partitions$: of(['ok', name as string]) })
    expect(await failureOf(owned$)).toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})
