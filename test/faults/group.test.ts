import { json, type KVStore, zookeeperStore } from 'rxkeeper'
import { describe, expect, it } from 'vitest'
import { observedOf } from '../../src/store/observed-engine.ts'
import { listsOf } from '../groups/consumer.ts'
import { Child } from './support/child.ts'
import { patience, times } from './support/knobs.ts'
import { type Random, seeded } from './support/random.ts'
import { startThree } from './support/servers.ts'
import { until } from './support/until.ts'

/*
 * A group of real processes on a real ensemble, of which one after the other is killed (-9), frozen beyond its session
 * (SIGSTOP) and woken again, asked to leave, or added, while they process records in a chain of commits: each record is
 * processed once.
 */

const PARTITIONS = 6
const NAMES = Array.from({ length: PARTITIONS }, (_, i) => `p${i}`)

/** What a member has printed: in order. */
const eventsOf = ({ lines }: Child) =>
  lines.map(line => {
    const [what, partition, time] = line.split(' ')
    return { what: what!, partition: partition!, time: Number(time) }
  })

const ownedBy = (child: Child): string[] => {
  const owned = new Set<string>()
  for (const { what, partition } of eventsOf(child)) {
    if (what === 'owns') owned.add(partition)
    else owned.delete(partition)
  }
  return [...owned]
}

/** Whether those that run own all, evenly. */
function areEven(children: readonly Child[]): boolean {
  const counts = children.map(child => ownedBy(child).length)
  return counts.reduce((a, b) => a + b, 0) === PARTITIONS && Math.max(...counts) - Math.min(...counts) <= 1
}

async function harass(random: Random, servers: string, root: string, rounds: number, records: number) {
  let started = 0
  const start = () => new Child('member.ts', [servers, root, `m${started++}`, `${PARTITIONS}`, `${records}`])
  const running = [start(), start(), start()]
  const all = [...running]
  const even = () =>
    until(`the partitions are shared; ${all.map(({ complaint }) => complaint).join('')}`, () =>
      areEven(running),
    )
  const add = () => {
    const child = start()
    running.push(child)
    all.push(child)
  }
  const pauses: number[] = []
  try {
    await even()
    for (let round = 0; round < rounds; round++) {
      const [child] = running.splice(random.whole(0, running.length - 1), 1) as [Child]
      const owned = ownedBy(child)
      const what = random.pick(['kill', 'freeze', 'leave'] as const)
      if (what === 'kill') await child.kill()
      else if (what === 'leave') await child.finish()
      else child.signal('SIGSTOP')
      if (random.pick([true, false])) add()
      if (running.length < 2) add()
      await even()
      if (what === 'freeze') {
        // Others own all by now: what it still means to commit comes too late.
        child.signal('SIGCONT')
        running.push(child)
        await even()
      } else if (what === 'leave') {
        const taken = running.flatMap(eventsOf).filter(event => event.what === 'owns')
        for (const { partition, time } of eventsOf(child).filter(event => event.what === 'ended')) {
          const next = taken.find(event => event.partition === partition && event.time >= time)
          if (owned.includes(partition) && next !== undefined) pauses.push(next.time - time)
        }
      }
    }
    expect(all.map(({ complaint }) => complaint).join('')).toBe('')
  } catch (error) {
    for (const child of all) child[Symbol.dispose]()
    throw error
  }
  return { running, all, pauses }
}

async function finished(store: KVStore<number[]>, records: number, all: readonly Child[]): Promise<void> {
  const { engine, timing } = observedOf(store)
  let lists: number[][] = []
  const done = () => lists.length > 0 && lists.every(list => list.length >= records)
  while (!done()) {
    expect(all.map(({ complaint }) => complaint).join('')).toBe('')
    lists = await listsOf(engine, NAMES, timing)
  }
  const expected = Array.from({ length: records }, (_, i) => i).join()
  expect(lists.map(String)).toEqual(NAMES.map(() => expected))
}

describe('a group of processes', () => {
  it(
    'processes each record once, whichever of them is killed, frozen, asked to leave, or added',
    async () => {
      await using ensemble = await startThree()
      const rounds = times(2, 12)
      const records = rounds * times(250, 500)
      const root = '/group'
      await using store = zookeeperStore({
        servers: ensemble.servers,
        root,
        value: json<number[]>(),
        consistency: 'linearizable',
      })
      const { running, all, pauses } = await harass(seeded('group'), ensemble.servers, root, rounds, records)
      try {
        await finished(store, records, all)
        await Promise.all(running.map(child => child.finish()))
        expect(running.map(({ ended }) => ended)).toEqual(running.map(() => 0))
      } finally {
        for (const child of all) child[Symbol.dispose]()
      }
      console.log(`pauses of partitions whose owner left, in ms: ${pauses.join(', ')}`)
    },
    patience,
  )
})
