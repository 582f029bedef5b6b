import { BehaviorSubject, firstValueFrom } from 'rxjs'
import { bytes, Memory, memoryStore, ownPartitions$ } from 'rxkeeper'
import { serveMonitor } from 'rxkeeper/monitor'
import { expect, it, onTestFinished } from 'vitest'
import { childOf, nodeKey } from '../../src/contract/nodes.ts'
import { MemoryEngine } from '../../src/engines/memory/engine.ts'
import type { Tick } from '../../src/monitor/wire.ts'
import { events } from './support.ts'

/** The groups of the first tick that has what is looked for. */
async function groupsWhere(
  monitor: Parameters<typeof events>[0],
  holds: (groups: Tick['groups']) => boolean,
): Promise<Tick['groups']> {
  for await (const { type, data } of events(monitor)) {
    if (type === 'tick' && holds((data as Tick).groups)) return (data as Tick).groups
  }
  throw new Error('no such tick')
}

async function monitored(memory: Memory) {
  const store = memoryStore({ value: bytes, memory })
  const monitor = await serveMonitor(store, { port: 0 })
  onTestFinished(async () => {
    await monitor.close()
    await store.close()
  })
  return { store, monitor }
}

it('the groups of a store come with the ticks: who owns what, how far it is', async () => {
  const memory = new Memory()
  const { store, monitor } = await monitored(memory)
  const membership = ownPartitions$(store, {
    group: 'orders',
    partitions$: new BehaviorSubject(['b', 'a']),
    member: 'me',
  }).subscribe(({ partition, fences: [fence] }) => {
    if (partition !== 'a') return
    const engine = new MemoryEngine(memory)
    engine.commit([fence.write({ position: { offset: 7 }, records: 3 }, fence.version)]).subscribe()
  })
  const [group] = await groupsWhere(
    monitor,
    ([first]) => first?.partitions[0]?.records === 3 && first.partitions[0].rate !== null,
  )
  expect(group).toEqual({
    name: 'orders',
    members: [
      { name: 'me', host: expect.any(String), pid: process.pid, start: expect.any(Number), owned: 2 },
    ],
    memberCount: 1,
    partitions: [
      { name: 'a', owner: 'me', position: '{"offset":7}', records: 3, rate: expect.any(Number), lag: null },
      { name: 'b', owner: 'me', position: '', records: 0, rate: expect.any(Number), lag: null },
    ],
    partitionCount: 2,
    rate: expect.any(Number),
  })
  membership.unsubscribe()
})

it('what others put where groups are is bounded, and taken for nothing that it is not', async () => {
  const memory = new Memory()
  const engine = new MemoryEngine(memory)
  const put = (node: string, value: string) =>
    firstValueFrom(engine.write([{ type: 'put', key: node, value: Buffer.from(value) }]))
  for (let i = 0; i < 30; i++) await put(childOf(childOf(nodeKey('groups', `g${i}`), 'partitions'), 'p'), '{')
  const group = nodeKey('groups', 'a')
  const members = childOf(group, 'members')
  await put(
    childOf(members, 'm'.repeat(5000)),
    '{"name":{"x":1},"pid":"x","start":1e999,"lags":{"p":{"amount":"x"}}}',
  )
  for (const junk of ['', 'null', '7', '[]']) await put(childOf(members, `member ${junk}`), junk)
  for (let i = 0; i < 500; i++) {
    const record = JSON.stringify({ position: 'x'.repeat(1000), records: i === 0 ? 'many' : i })
    await put(childOf(childOf(group, 'partitions'), `p${i}`.padEnd(300)), record)
  }
  const { monitor } = await monitored(memory)
  const groups = await groupsWhere(monitor, all => all.length > 0)
  expect(groups).toHaveLength(10)
  const [first] = groups
  expect(first).toMatchObject({ name: 'a', memberCount: 5, partitionCount: 500 })
  expect(first!.members).toContainEqual({
    name: `${'m'.repeat(100)}…`,
    host: '',
    pid: 0,
    start: 0,
    owned: 0,
  })
  expect(first!.partitions).toHaveLength(200)
  expect(first!.partitions[0]).toMatchObject({ owner: null, records: 0, lag: null })
  expect(JSON.stringify(groups).length).toBeLessThan(100_000)
})
