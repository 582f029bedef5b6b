import fc from 'fast-check'
import { defer, mergeMap, type Observable, throwError } from 'rxjs'
import type { TestScheduler } from 'rxjs/testing'
import { describe, expect, test } from 'vitest'
import type { Write } from '../../src/contract/engine.ts'
import { isNodeKey, nodeKey } from '../../src/contract/nodes.ts'
import { type OwnedPartition, type PartitionState, startOf } from '../../src/contract/owned-partition.ts'
import { json, KVError, Memory, MemoryEngine, processKV } from '../../src/index.ts'
import { NodeFence, strideOf } from '../../src/store/fence.ts'
import { shardOf } from '../sharded/memories.ts'
import { virtually } from './cases.ts'
import { type Hook, writeElsewhere } from './engines.ts'
import { arriving, type Delays, delays, type Pace, pace, slowStore } from './schedules.ts'

interface Step {
  readonly key: string
  readonly add: number | 'throw'
  readonly position: number
}

const adds = fc.oneof(
  { weight: 8, arbitrary: fc.nat(3) },
  { weight: 1, arbitrary: fc.constant('throw' as const) },
)
const steps: fc.Arbitrary<Step[]> = fc
  .array(fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), add: adds }), { maxLength: 40 })
  .map(all => all.map((step, i) => ({ ...step, position: i + 1 })))

const totalOf = (all: readonly Step[]): number =>
  all.reduce((sum, { add }) => sum + (add === 'throw' ? 0 : add), 0)

/** What becomes of a commit, beside being carried out and answered. */
type Trouble = 'conflict' | 'done, not answered' | 'not done, not answered' | 'too large' | 'taken over'

const troublesWith = (...kinds: Trouble[]): fc.Arbitrary<ReadonlyMap<number, Trouble>> =>
  fc.array(fc.tuple(fc.nat(14), fc.constantFrom(...kinds)), { maxLength: 6 }).map(all => new Map(all))

const NODE = nodeKey('groups', 'g', 'partitions', 'p')

/** A memory with a partition in it, and what others do to both. */
class Place {
  readonly memories: readonly Memory[]
  /** What another program has added to the keys. */
  foreign = 0
  #commits = 0
  #owners = 0

  constructor(shards: number) {
    this.memories = Array.from({ length: shards }, () => new Memory())
  }

  /** Takes the partition over, as the next owner does. */
  claim(): OwnedPartition<number> {
    const owner = `owner ${++this.#owners}`
    const fences = this.memories.map(memory => this.#claimIn(memory, owner))
    const { position } = startOf(
      fences.map(({ state }) => state),
      false,
    )
    return { partition: 'p', position, fences } as unknown as OwnedPartition<number>
  }

  /** How far the shard is that is furthest. */
  get records(): number {
    return Math.max(...this.claim().fences.map(({ state }) => state.records))
  }

  #claimIn(memory: Memory, owner: string): NodeFence<number> {
    const engine = new MemoryEngine(memory)
    let state: PartitionState<number> = { position: undefined, records: 0 }
    let before: number | 'absent' = 'absent'
    engine.read([NODE]).subscribe(([stored]) => {
      if (stored === undefined) return
      state = JSON.parse(Buffer.from(stored.value).toString())
      before = stored.version
    })
    const { writes, version } = strideOf(NODE, { ...state, owner }, before)
    engine.commit(writes).subscribe()
    return new NodeFence<number>({ node: NODE, partition: 'p', owner }, version, state, () => {})
  }

  /** Makes trouble for commits that write; the question what was carried out goes well. */
  trouble(troubles: ReadonlyMap<number, Trouble>): Hook {
    const unanswered = (): KVError => new KVError('INDETERMINATE', 'no answer came')
    return <R>(
      { name, writes }: { name: string; writes: readonly Write[] },
      answer$: Observable<R>,
    ): Observable<R> => {
      if (name !== 'commit' || !writes.some(({ type, key }) => type === 'put' && key === NODE)) return answer$
      return defer(() => {
        switch (troubles.get(this.#commits++)) {
          case 'conflict':
            this.#writeElsewhere(writes)
            return answer$
          case 'taken over':
            this.claim()
            return answer$
          case 'done, not answered':
            return answer$.pipe(mergeMap(() => throwError(unanswered)))
          case 'not done, not answered':
            return throwError(unanswered)
          case 'too large':
            return writes.length > 2 ? throwError(() => new KVError('VALUE_TOO_LARGE', 'too large')) : answer$
          default:
            return answer$
        }
      })
    }
  }

  get total(): number {
    const entries = this.memories.flatMap(({ entries }) => [...entries.values()])
    return entries.reduce((sum, { value }) => sum + json<number>().decode(value), 0)
  }

  /** Another program adds 100 to one of the keys that are being written. */
  #writeElsewhere(writes: readonly Write[]): void {
    const key = writes.find(write => write.type === 'put' && !isNodeKey(write.key))?.key
    if (key === undefined) return
    const memory = this.memories[shardOf(key, this.memories.length)]!
    const current = memory.entries.get(key)
    const value = current === undefined ? 0 : json<number>().decode(current.value)
    this.foreign += 100
    writeElsewhere(memory, json<number>(), key, value + 100)
  }
}

/** Processes what comes after the position of the partition; tells the positions that came out, in order. */
function run(
  all: readonly Step[],
  place: Place,
  schedule: {
    readonly gaps: Delays
    readonly pace: Pace
    readonly concurrency: number
    readonly scheduler: TestScheduler
    readonly troubles: ReadonlyMap<number, Trouble>
  },
): { readonly outputs: number[]; ending: unknown } {
  const { gaps, pace, concurrency, scheduler, troubles } = schedule
  const partition = place.claim()
  const store = slowStore(pace, place.memories, scheduler, place.trouble(troubles))
  const result = { outputs: [] as number[], ending: 'pending' as unknown }
  arriving(all.slice(partition.position ?? 0), gaps)
    .pipe(
      processKV(
        store,
        step => step.key,
        ({ add }, sum = 0) => {
          if (add === 'throw') throw new Error('bad')
          return sum + add
        },
        {
          commitSize: concurrency,
          partition,
          positionOf: ({ position }: Step) => position,
          deadLetter: ({ record: { position } }) => result.outputs.push(position),
          project: ({ position }) => position,
        },
      ),
    )
    .subscribe({
      next: position => result.outputs.push(position),
      error: error => {
        result.ending = error
      },
      complete: () => {
        result.ending = 'completed'
      },
    })
  return result
}

const schedules = { gaps: delays, pace, concurrency: fc.integer({ min: 1, max: 6 }) }
const positionsOf = (all: readonly Step[]): number[] => all.map(({ position }) => position)

describe.each([1, 2, 3])('processKV on an owned partition of %i shards, whatever the schedule', shards => {
  test('counts every record once, in order, whatever becomes of the commits on their way', () => {
    const troubles = troublesWith('conflict', 'done, not answered', 'not done, not answered', 'too large')
    fc.assert(
      fc.property(steps, fc.record({ ...schedules, troubles }), (all, schedule) => {
        virtually(scheduler => {
          const place = new Place(shards)
          const result = run(all, place, { ...schedule, scheduler })
          scheduler.flush()
          expect(result).toEqual({ outputs: positionsOf(all), ending: 'completed' })
          expect(place.total).toBe(totalOf(all) + place.foreign)
          expect(place.records).toBe(all.length)
        })
      }),
      { numRuns: 600 },
    )
  })

  test('ends FENCED where another takes over, who goes on where it was; nothing is lost or counted twice', () => {
    const troubles = troublesWith('conflict', 'done, not answered', 'not done, not answered', 'taken over')
    fc.assert(
      fc.property(steps, fc.record({ ...schedules, troubles }), (all, schedule) => {
        virtually(scheduler => {
          const place = new Place(shards)
          const outputs: number[] = []
          let troubles = schedule.troubles
          for (let owners = 0; owners < 10; owners++) {
            const result = run(all, place, { ...schedule, troubles, scheduler })
            scheduler.flush()
            outputs.push(...result.outputs)
            if (result.ending === 'completed') break
            expect(result.ending).toMatchObject({ code: 'FENCED' })
            troubles = new Map()
          }
          // Emitted once at most: what the former owner had committed and not heard of is not.
          expect(outputs).toEqual([...new Set(outputs)].sort((a, b) => a - b))
          expect(place.total).toBe(totalOf(all) + place.foreign)
          expect(place.records).toBe(all.length)
        })
      }),
      { numRuns: 600 },
    )
  })
})
