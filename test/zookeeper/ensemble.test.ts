import { firstValueFrom } from 'rxjs'
import { startEnsemble } from 'rxkeeper/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { KVError } from '../../src/base/errors.ts'
import type { ZooKeeperEngine } from '../../src/engines/zookeeper/engine.ts'
import { freshRoot } from '../setup/fresh-root.ts'
import { openEngine, put, reached, valuesOf, within } from './opening.ts'

let ensemble: Awaited<ReturnType<typeof startEnsemble>>

beforeAll(async () => {
  ensemble = await startEnsemble(3)
})
afterAll(() => ensemble.stop())

const pause = (milliseconds: number) => new Promise(resolve => setTimeout(resolve, milliseconds))

const FAULTS: Record<string, () => Promise<void>> = {
  'the leader is killed and comes back': async () => {
    const leader = await ensemble.leader()
    await leader.kill()
    await ensemble.leader()
    await pause(500)
    await leader.restart()
  },
  'a follower is killed and comes back': async () => {
    const leader = await ensemble.leader()
    const follower = ensemble.members.find(member => member !== leader)!
    await follower.kill()
    await pause(500)
    await follower.restart()
  },
  'the majority is gone for a while': async () => {
    const [one, other] = ensemble.members
    await Promise.all([one!.kill(), other!.kill()])
    await pause(500)
    await Promise.all([one!.restart(), other!.restart()])
  },
  'the leader is frozen until another is elected': async () => {
    const leader = await ensemble.leader()
    leader.pause()
    await pause(6000)
    leader.resume()
  },
}

it.each(Object.keys(FAULTS))(
  'while %s: nothing acknowledged is lost, no reader goes back in time',
  async fault => {
    const root = freshRoot('ensemble')
    const engines = Array.from({ length: 3 }, () => openEngine(ensemble.servers, { root, timeout: 8000 }))
    const keys = Array.from({ length: 4 }, (_, i) => `k${i}`)
    await firstValueFrom(
      engines[0]!.write(
        keys.map(key => put(key, '0')),
        within(30_000),
      ),
    )
    // A follower may be behind: what one client wrote is there for another when its server has it.
    for (const engine of engines) {
      await expect.poll(() => valuesOf(engine, ...keys), { timeout: 30_000 }).toEqual(keys.map(() => '0'))
    }
    const counts = { acknowledged: 0, indeterminate: 0, other: [] as unknown[] }
    let stop = false
    const count = async (engine: ZooKeeperEngine) => {
      const seen = keys.map(() => -1)
      while (!stop) {
        const read = await firstValueFrom(engine.read(keys, within(60_000)))
        const writes = read.map((stored, i) => {
          if (stored === undefined || stored instanceof KVError) throw stored
          expect(stored.version).toBeGreaterThanOrEqual(seen[i]!)
          seen[i] = stored.version
          return put(keys[i]!, String(Number(String(stored.value)) + 1), stored.version)
        })
        for (const [i, result] of (await firstValueFrom(engine.write(writes, within(60_000)))).entries()) {
          if (!(result instanceof KVError)) {
            counts.acknowledged++
            seen[i] = result.version
          } else if (result.code === 'INDETERMINATE') counts.indeterminate++
          else if (result.code !== 'VERSION_CONFLICT') counts.other.push(result)
        }
      }
    }
    const counting = Promise.all(engines.map(count))
    counting.catch(() => {})
    try {
      await pause(500)
      await FAULTS[fault]!()
      await Promise.all(engines.map(engine => reached(engine, 'connected')))
      const before = counts.acknowledged
      await expect.poll(() => counts.acknowledged, { timeout: 30_000 }).toBeGreaterThan(before + 50)
    } finally {
      stop = true
      await counting
    }
    expect(counts.other).toEqual([])
    // Read after a sync, by a client that has seen nothing yet.
    await using fresh = openEngine(ensemble.servers, { root, linearizable: true })
    const sum = (await valuesOf(fresh, ...keys)).reduce((total, value) => total + Number(value), 0)
    expect(sum).toBeGreaterThanOrEqual(counts.acknowledged)
    expect(sum).toBeLessThanOrEqual(counts.acknowledged + counts.indeterminate)
    await Promise.all(engines.map(engine => engine.close()))
  },
)
