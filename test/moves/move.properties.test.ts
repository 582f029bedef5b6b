import fc from 'fast-check'
import { firstValueFrom, lastValueFrom, toArray } from 'rxjs'
import type { KVError, KVStore } from 'rxkeeper'
import { expect, it } from 'vitest'
import { bytes } from '../../src/codecs/bytes.ts'
import { ShardedEngine } from '../../src/engines/sharded/engine.ts'
import { moveBetween$ } from '../../src/moves/moveStore.ts'
import type { Place } from '../../src/moves/side.ts'
import { kvStore } from '../../src/store/store.ts'
import { patience, times } from '../faults/support/knobs.ts'
import { Random } from '../faults/support/random.ts'
import { memoriesOf } from '../sharded/memories.ts'
import { Gate, GatedEngine, turns } from './gated.ts'
import { userOf } from './places.ts'

/*
 * A store is moved while two programs write to it, by runs of which all but the last stop at some call, and go on, as requests
 * that were long on their way, when the new place is in use. Whatever is acknowledged is there at the end.
 */

interface Plan {
  readonly from: number
  readonly to: number
  readonly keys: number
  /** At which call each run stops. */
  readonly stops: readonly number[]
  readonly writes: number
  readonly seed: number
}

const plans = fc.record<Plan>({
  from: fc.integer({ min: 1, max: 3 }),
  to: fc.integer({ min: 1, max: 3 }),
  keys: fc.integer({ min: 1, max: 12 }),
  stops: fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 3 }),
  writes: fc.integer({ min: 0, max: 40 }),
  seed: fc.nat(),
})

async function tryOut({ from, to, keys, stops, writes, seed }: Plan): Promise<void> {
  const random = new Random(seed)
  const [source, target] = [memoriesOf(from), memoriesOf(to)]
  const expected = new Map<string, string>()
  const gates: Gate[] = []
  const place = (url: string, memories: typeof source, gate: Gate): Place => ({
    url,
    open: mover => {
      const engines = memories.map(memory => new GatedEngine(memory, mover, gate))
      return kvStore(engines.length === 1 ? engines[0]! : new ShardedEngine(engines), { value: bytes })
    },
  })
  const run = (gate: Gate): Promise<unknown> =>
    lastValueFrom(moveBetween$(place('a:', source, gate), place('b:', target, gate)))

  /** Writes its own keys, where the store is. */
  const program = async (name: string): Promise<void> => {
    let store: KVStore<string> = userOf(source)
    for (let i = 0; i < writes; i++) {
      const key = `${name}${random.whole(0, keys)}`
      const value = random.chance(0.3) ? undefined : `${i}`
      for (;;) {
        await turns(random.whole(0, 4))
        try {
          await firstValueFrom<unknown>(value === undefined ? store.delete$(key) : store.put$(key, value))
          break
        } catch (error) {
          const { code, movedTo } = error as KVError
          if (code === 'MOVED') {
            expect(movedTo).toBe('b:')
            store = userOf(target)
          } else if (code !== 'UNAVAILABLE') throw error
        }
      }
      if (value === undefined) expected.delete(key)
      else expected.set(key, value)
    }
  }
  const movers = async (): Promise<void> => {
    for (const stop of stops) {
      const gate = new Gate(() => random.whole(0, 3), stop)
      gates.push(gate)
      // It stops, unless it is done before.
      const running = run(gate)
      running.catch(() => {})
      await Promise.race([gate.frozen, running])
    }
    await run(new Gate(() => random.whole(0, 3), Number.POSITIVE_INFINITY))
  }
  await Promise.all([program('a'), program('b'), movers()])
  for (const gate of gates) gate.open()
  await Promise.all([program('a'), program('b'), turns(200)])
  const found = await firstValueFrom(userOf(target).entries$().pipe(toArray()))
  expect(new Map(found.map(({ key, value }) => [key, value]))).toEqual(expected)
}

/** A run that had looked before the place was in use took it for its own, because a part of it had no keys. */
const TOOK_OVER: Plan = { from: 3, to: 2, keys: 6, stops: [2, 4], writes: 20, seed: 2 }

it(
  'loses nothing, and takes nothing back, whenever its runs are killed',
  async () => {
    await fc.assert(fc.asyncProperty(plans, tryOut), { numRuns: times(60, 3000), examples: [[TOOK_OVER]] })
  },
  patience,
)
