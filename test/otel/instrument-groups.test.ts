import { ATTR_MESSAGING_CONSUMER_GROUP_NAME } from '@opentelemetry/semantic-conventions/incubating'
import { BehaviorSubject, firstValueFrom } from 'rxjs'
import { expect, it, vi } from 'vitest'
import { KVError } from '../../src/base/errors.ts'
import { json } from '../../src/codecs.ts'
import type { OwnedPartition } from '../../src/contract/owned-partition.ts'
import { MemoryEngine } from '../../src/engines/memory/engine.ts'
import { Memory } from '../../src/engines/memory/memory.ts'
import { ownPartitions$ } from '../../src/groups/ownPartitions.ts'
import { instrumentGroups } from '../../src/otel.ts'
import { kvStore } from '../../src/store/store.ts'
import { Metrics, pointsOf } from './sdk.ts'

const group = { [ATTR_MESSAGING_CONSUMER_GROUP_NAME]: 'orders' }

it('publishes what is owned, moved, fenced and under way in the groups of a store', async () => {
  await using sdk = new Metrics()
  const engine = new MemoryEngine(new Memory())
  await using store = kvStore(engine, { value: json<number>() })
  using _ = instrumentGroups(store, { meterProvider: sdk.provider })
  const partitions$ = new BehaviorSubject<readonly string[]>(['a', 'b', 'c'])
  const owned = new Map<string, OwnedPartition>()
  const membership = ownPartitions$(store, { group: 'orders', partitions$ }).subscribe(partition => {
    owned.set(partition.partition, partition)
    partition.release$.subscribe(() => partition.done())
  })
  await vi.waitFor(() => expect(owned.size).toBe(3))
  partitions$.next(['a', 'b'])
  const {
    fences: [fence],
  } = owned.get('a')!
  const write = fence.write({ position: 1, records: 1 }, fence.version)
  await vi.waitFor(async () =>
    expect(pointsOf((await sdk.collect()).get('rxkeeper.group.partitions.owned'))).toEqual([[group, 2]]),
  )
  expect(pointsOf((await sdk.collect()).get('rxkeeper.group.commits.in_flight'))).toEqual([[group, 1]])
  const [written] = await firstValueFrom(engine.commit([write]))
  fence.committed(written!.version, { position: 1, records: 1 })
  expect(pointsOf((await sdk.collect()).get('rxkeeper.group.commits.in_flight'))).toEqual([[group, 0]])
  fence.fenced(new KVError('VERSION_CONFLICT', 'somebody else has it'))
  await vi.waitFor(() => expect(owned.get('a')!.fences[0]).not.toBe(fence))
  const moves = new Map(
    pointsOf((await sdk.collect()).get('rxkeeper.group.partitions.moves')).map(([attributes, value]) => [
      attributes['rxkeeper.group.move'],
      value,
    ]),
  )
  expect(Object.fromEntries(moves)).toEqual({ gained: 4, released: 1, lost: 1 })
  expect(pointsOf((await sdk.collect()).get('rxkeeper.group.commits.fenced'))).toEqual([[group, 1]])
  membership.unsubscribe()
  expect(pointsOf((await sdk.collect()).get('rxkeeper.group.partitions.owned'))).toEqual([[group, 0]])
})

it('publishes how much is left to do, where it is known', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  try {
    await using sdk = new Metrics()
    const store = kvStore(new MemoryEngine(new Memory()), { value: json<number>() })
    using _ = instrumentGroups(store, { meterProvider: sdk.provider })
    const membership = ownPartitions$(store, {
      group: 'orders',
      partitions$: new BehaviorSubject(['a']),
      lag: async () => ({ amount: 12, unit: 'bytes' }),
    }).subscribe()
    await vi.advanceTimersByTimeAsync(0)
    await vi.advanceTimersByTimeAsync(2500)
    expect(pointsOf((await sdk.collect()).get('rxkeeper.group.lag'))).toEqual([
      [{ ...group, 'messaging.destination.partition.id': 'a', 'rxkeeper.group.lag.unit': 'bytes' }, 12],
    ])
    membership.unsubscribe()
    await store.close()
  } finally {
    vi.useRealTimers()
  }
})
