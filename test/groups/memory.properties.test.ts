import fc from 'fast-check'
import { VirtualTimeScheduler } from 'rxjs'
import { arbitraries } from 'rxkeeper/testing'
import { describe, expect, it } from 'vitest'
import { timingOf } from '../../src/base/timing.ts'
import { json } from '../../src/codecs.ts'
import { Memory } from '../../src/engines/memory/memory.ts'
import { ShardedEngine } from '../../src/engines/sharded/engine.ts'
import { assign } from '../../src/groups/assignment.ts'
import { kvStore } from '../../src/store/store.ts'
import type { MemberEvent } from '../../src/testing/arbitrary-memberships.ts'
import { ProcessEngine } from '../../src/testing/process-engine.ts'
import { shardOf } from '../sharded/memories.ts'
import { byConsumer, byOperator, keyOf, listOf } from './consumer.ts'
import { type Consume, Trial } from './trial.ts'

const RECORDS = 60
const SESSION = 1000
const LATENCY = 3

/** Lets what is given happen on virtual time, until everything is processed; over one memory, or several. */
function perform(
  events: readonly MemberEvent[],
  partitions: number,
  consume: Consume = byConsumer,
  shards = 1,
) {
  const scheduler = new VirtualTimeScheduler()
  const timing = timingOf(scheduler)
  const memories = Array.from({ length: shards }, () => new Memory())
  const trial = new Trial(partitions, RECORDS, consume, () => {
    const engines = memories.map(memory => new ProcessEngine(memory, timing, LATENCY, SESSION))
    const engine = engines.length === 1 ? engines[0]! : new ShardedEngine(engines)
    const store = kvStore(engine, { value: json<number[]>(), scheduler })
    const each = (work: (engine: ProcessEngine) => void) => () => engines.forEach(work)
    return {
      store,
      scheduler,
      freeze: lasts => {
        for (const engine of engines) engine.freeze()
        timing.after(
          lasts,
          each(engine => engine.thaw()),
        )
      },
      die: each(engine => engine.die()),
      expire: each(engine => engine.expire()),
    }
  })
  for (const event of events) timing.after(event.at, () => trial.happen(event))
  const lists = (keys = 1) =>
    trial.partitions.map(partition =>
      Array.from({ length: keys }, (_, part) => {
        const key = keyOf(partition, part)
        const stored = memories[shardOf(key, shards)]!.entries.get(key)
        return stored === undefined ? [] : listOf(stored.value)
      }),
    )
  /** Runs for so many milliseconds. */
  const run = (duration: number): void => {
    scheduler.maxFrames = scheduler.now() + duration
    scheduler.flush()
  }
  return { trial, lists, run }
}

const ALL = Array.from({ length: RECORDS }, (_, i) => i)

describe('a group on memory and virtual time', () => {
  it.each<[string, Consume, keys: number, shards: number]>([
    ['commits of our own', byConsumer, 1, 1],
    ['processKV', byOperator, 1, 1],
    ['processKV over two shards', (work, owned) => byOperator(work, owned, 5), 5, 2],
    ['processKV over three shards', (work, owned) => byOperator(work, owned, 5), 5, 3],
  ])('processes every record once by %s, whatever happens to its members', (_name, consume, keys, shards) => {
    fc.assert(
      fc.property(arbitraries(fc).memberships(), fc.integer({ min: 1, max: 7 }), (events, partitions) => {
        const { trial, lists, run } = perform(events, partitions, consume, shards)
        run(16_000)
        // Somebody is always left, and two make it uneven if it can be.
        for (const member of [10, 11]) trial.happen({ type: 'join', at: 0, member })
        run(RECORDS * 50 + 10 * SESSION)
        expect(trial.errors).toEqual([])
        const expected = Array.from({ length: keys }, (_, part) => ALL.filter(n => n % keys === part))
        expect(lists(keys)).toEqual(trial.partitions.map(() => expected))
        expect(trial.isEven()).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  it('moves as few partitions as it must when members join, leave and die', () => {
    const memberships = arbitraries(fc).memberships({ types: ['join', 'leave', 'die'], maxLength: 8 })
    fc.assert(
      fc.property(memberships, fc.integer({ min: 1, max: 9 }), (events, partitions) => {
        const { trial, run } = perform([], partitions)
        for (const event of events) {
          const before = trial.owners
          const given = trial.given.length
          trial.happen(event)
          run(2 * SESSION)
          const running = trial.running.map(({ name }) => name)
          const least = [...assign(running, trial.partitions, before)].filter(
            ([partition, member]) => before.get(partition) !== member,
          )
          expect(trial.given.slice(given)).toHaveLength(least.length)
          if (running.length > 0) expect(trial.isEven()).toBe(true)
        }
        expect(trial.errors).toEqual([])
      }),
    )
  })

  it('hands over within a moment where a member leaves, within its session where one dies', () => {
    const { trial, run } = perform([], 8)
    for (const member of [0, 1, 2]) trial.happen({ type: 'join', at: 0, member })
    run(SESSION)
    expect(trial.isEven()).toBe(true)
    trial.happen({ type: 'leave', at: 0, member: 1 })
    // Commits under way are answered, the owner node goes, its going is told, the next one reads and claims: six ways.
    run(6 * 2 * LATENCY)
    expect(trial.isEven()).toBe(true)
    trial.happen({ type: 'die', at: 0, member: 2 })
    run(SESSION + 6 * 2 * LATENCY)
    expect(trial.isEven()).toBe(true)
    expect(trial.owners.size).toBe(8)
  })
})
