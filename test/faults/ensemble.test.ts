import { setTimeout as sleep } from 'node:timers/promises'
import { type FaultProxy, type ProxyFaults, startProxy, type ZooKeeperEnsemble } from 'rxkeeper/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Child } from './support/child.ts'
import { patience, spell } from './support/knobs.ts'
import { findMiscount } from './support/order.ts'
import { type Random, seeded } from './support/random.ts'
import { startThree } from './support/servers.ts'
import { contentOf } from './support/truth.ts'
import { until, within } from './support/until.ts'
import { verify } from './support/verdict.ts'
import { Workload } from './support/workload.ts'

/*
 * Three servers, clients with a session each that write, read, watch and follow, and what happens to servers.
 */

const random = seeded('ensemble')
let ensemble: ZooKeeperEnsemble
/** One in front of each server; the clients go through them. */
let proxies: FaultProxy[]

beforeAll(async () => {
  ensemble = await startThree()
  proxies = await Promise.all(ensemble.members.map(member => startProxy(member.servers)))
}, patience)
afterAll(async () => {
  await Promise.all(proxies?.map(proxy => proxy.stop()) ?? [])
  await ensemble?.stop()
})

/** What can become of the network between the clients and one server. */
const networks: readonly ProxyFaults[] = [
  { connect: 'hang', toServer: { cut: true }, toClient: { cut: true } },
  { connect: 'hang', toServer: { cut: true } },
  { connect: 'hang', toClient: { cut: true } },
  { connect: 'reset', toClient: { resetAfter: 2000 } },
  { toClient: { delay: 200 }, toServer: { delay: 100 } },
  { toClient: { bytesPerSecond: 2000 } },
]

const scenarios: Record<string, (random: Random, workload: Workload) => Promise<void>> = {
  'the leader is killed': async (_, workload) => {
    const leader = await ensemble.leader()
    await leader.kill()
    await ensemble.leader()
    await workload.proceed()
    await leader.restart()
  },
  'a follower is killed': async (random, workload) => {
    const follower = random.pick(await ensemble.followers())
    await follower.kill()
    await workload.proceed()
    await follower.restart()
  },
  'the majority is lost and comes back': async random => {
    const lost = random.shuffled(ensemble.members).slice(1)
    await Promise.all(lost.map(server => server.kill()))
    // Long enough for sessions to be given up, or not.
    await sleep(random.whole(100, 4000))
    await Promise.all(lost.map(server => server.restart()))
  },
  'a rolling restart': async (random, workload) => {
    for (const member of random.shuffled(ensemble.members)) {
      await member.restart()
      await workload.proceed()
    }
  },
  'clients are cut from the server they are on': async random => {
    for (const proxy of random.shuffled(proxies)) {
      proxy.set(random.pick(networks))
      await sleep(random.whole(500, 3000))
      proxy.set()
    }
  },
  'a server freezes': async random => {
    const frozen = random.pick(ensemble.members)
    frozen.pause()
    await sleep(random.whole(500, 4000))
    frozen.resume()
    await ensemble.leader()
  },
}

describe('an ensemble of three', () => {
  for (const [what, fault] of Object.entries(scenarios)) {
    it(
      what,
      async () => {
        const choices = random.fork()
        const root = `/faults-${choices.whole(0, 1e9)}`
        const servers = proxies.map(proxy => proxy.servers).join()
        await using workload = await Workload.start(servers, root, choices.fork())
        const end = performance.now() + spell(4000)
        do {
          await workload.proceed()
          await fault(choices, workload)
          await workload.proceed()
        } while (performance.now() < end)
        await workload.finish()
        console.log(what, await verify(workload, ensemble.servers, root))
      },
      patience,
    )
  }

  it(
    'counters of several processes are exact while servers are killed',
    async () => {
      const choices = random.fork()
      const root = `/counted-${choices.whole(0, 1e9)}`
      const ways = ['update$', 'update$', 'processKV', 'processKV']
      const children = ways.map(how => new Child('counter.ts', [ensemble.servers, root, how]))
      try {
        await until('all count', () => children.every(child => child.lines.includes('ready')))
        const end = performance.now() + spell(4000)
        do {
          const killed = choices.chance(0.5)
            ? await ensemble.leader()
            : choices.pick(await ensemble.followers())
          await killed.kill()
          await sleep(choices.whole(100, 2000))
          await killed.restart()
        } while (performance.now() < end)
      } finally {
        await within('all end', Promise.all(children.map(child => child.finish())))
      }
      const totals = children.map(child => {
        expect([child.ended, child.complaint]).toEqual([0, ''])
        return JSON.parse(child.lines.at(-1)!) as Record<'acknowledged' | 'unknown', Record<string, number>>
      })
      const final = await contentOf(ensemble.servers, root)
      for (const key of ['one', 'two', 'three']) {
        const sum = (of: 'acknowledged' | 'unknown') =>
          totals.reduce((total, each) => total + each[of][key]!, 0)
        const count = Number(final.get(key)!.data)
        console.log(`${key}: ${count}, acknowledged ${sum('acknowledged')}, unknown ${sum('unknown')}`)
        expect(findMiscount(count, sum('acknowledged'), sum('unknown'))).toBeUndefined()
        expect(sum('acknowledged')).toBeGreaterThan(100)
      }
    },
    patience,
  )
})
