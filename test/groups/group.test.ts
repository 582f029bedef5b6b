import { BehaviorSubject, VirtualTimeScheduler } from 'rxjs'
import { type GroupSnapshot, group$, json, Memory, memoryStore, zookeeperStore } from 'rxkeeper'
import { memoryProcess } from 'rxkeeper/testing'
import { expect, it, vi } from 'vitest'
import { ownPartitions$ } from '../../src/groups/ownPartitions.ts'
import { lmdbStore } from '../../src/lmdb.ts'
import { observedOf } from '../../src/store/observed-engine.ts'
import { temporaryFolder } from '../lmdb/temporary.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { failureOf, openEngine } from '../zookeeper/opening.ts'
import { TestMember } from './members.ts'

it('shows members, owners, positions and rates as they change', () => {
  const scheduler = new VirtualTimeScheduler()
  const memory = new Memory()
  const seen: GroupSnapshot[] = []
  group$(memoryStore({ value: json<number>(), memory, scheduler }), 'g', { interval: 100 }).subscribe(
    snapshot => seen.push(snapshot),
  )
  const process = memoryProcess({ value: json<number>(), memory, scheduler, sessionTimeout: 500 })
  const { engine, timing } = observedOf(process.store)
  ownPartitions$<number>(process.store, {
    group: 'g',
    partitions$: new BehaviorSubject(['b', 'a']),
    member: 'me',
  }).subscribe(({ partition, fences: [fence] }) => {
    if (partition !== 'a') return
    // Ten records every 20 ms.
    const advance = (): void => {
      const records = fence.state.records + 10
      const state = { position: records, records }
      engine.commit([fence.write(state, fence.version)], { deadline: timing.now() + 100 }).subscribe({
        next: ([written]) => {
          fence.committed(written!.version, state)
          timing.after(18, advance)
        },
        error: () => {},
      })
    }
    advance()
  })
  scheduler.maxFrames = 950
  scheduler.flush()
  expect(seen[0]).toEqual({ group: 'g', members: [], partitions: [] })
  const last = seen.at(-1)!
  expect(last.members).toMatchObject([{ name: 'me', partitions: ['a', 'b'] }])
  const [a, b] = last.partitions
  expect(a).toMatchObject({ partition: 'a', owner: last.members[0]!.id })
  expect(a!.position).toBe(a!.records)
  expect(a!.rate).toBeCloseTo(500, -2)
  expect(b).toMatchObject({ partition: 'b', position: undefined, records: 0, rate: 0, lag: undefined })

  process.die()
  scheduler.maxFrames = 2000
  scheduler.flush()
  expect(seen.at(-1)).toMatchObject({
    members: [],
    partitions: [
      { partition: 'a', owner: undefined },
      { partition: 'b', owner: undefined },
    ],
  })
})

it('shows how much is left to do, where members tell', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] })
  try {
    const memory = new Memory()
    const store = memoryStore({ value: json<number>(), memory })
    let last: GroupSnapshot | undefined
    const following = group$(store, 'g').subscribe(snapshot => {
      last = snapshot
    })
    const membership = ownPartitions$<number>(store, {
      group: 'g',
      partitions$: new BehaviorSubject(['one', 'constructor', '__proto__']),
      lag: async (partition, position) => {
        if (partition === 'constructor') throw new Error('cannot tell')
        return { amount: 7 + (position ?? 0), unit: 'records' }
      },
    }).subscribe()
    await vi.advanceTimersByTimeAsync(4000)
    expect(last!.partitions.map(({ partition, lag }) => [partition, lag])).toEqual([
      ['__proto__', { amount: 7, unit: 'records' }],
      ['constructor', undefined],
      ['one', { amount: 7, unit: 'records' }],
    ])
    membership.unsubscribe()
    await vi.advanceTimersByTimeAsync(2000)
    // What was told in it has not made the node outlive its session.
    expect(last!.members).toEqual([])
    following.unsubscribe()
  } finally {
    vi.useRealTimers()
  }
})

it('on ZooKeeper, too, for one who is no member', async () => {
  const root = freshRoot('group')
  const store = zookeeperStore({ servers, root, value: json<number>() })
  const engine = openEngine(servers, { root })
  const member = new TestMember(engine, 'me', new BehaviorSubject(['p']))
  await vi.waitFor(() => expect(member.names).toEqual(['p']), 20_000)
  await member.advance('p')
  let last: GroupSnapshot | undefined
  const following = group$(store, 'g', { interval: 20 }).subscribe(snapshot => {
    last = snapshot
  })
  await vi.waitFor(
    () => expect(last?.partitions).toMatchObject([{ partition: 'p', position: 1, records: 1 }]),
    20_000,
  )
  await member.advance('p')
  await vi.waitFor(() => expect(last!.partitions).toMatchObject([{ position: 2, records: 2 }]), 20_000)
  member.leave$.next()
  await vi.waitFor(() => expect([last!.members, last!.partitions[0]!.owner]).toEqual([[], undefined]), 20_000)
  following.unsubscribe()
  await engine.close()
  await store.close()
})

it('is UNSUPPORTED where the engine has no ephemeral nodes', async () => {
  await using store = lmdbStore({ path: temporaryFolder(), value: json<number>() })
  expect(await failureOf(group$(store, 'g'))).toMatchObject({ code: 'UNSUPPORTED' })
})
