import { startEnsemble, type ZooKeeperEnsemble } from 'rxkeeper/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { patience, times } from './support/knobs.ts'
import { seeded } from './support/random.ts'
import { verify } from './support/verdict.ts'
import { Workload } from './support/workload.ts'

const random = seeded('reconfig')
let ensemble: ZooKeeperEnsemble

beforeAll(async () => {
  ensemble = await startEnsemble(3, { dynamic: true, systemProperties: { 'zookeeper.forceSync': 'no' } })
}, patience)
afterAll(() => ensemble?.stop())

it(
  'all servers are replaced by others at new addresses, one after the other, and nothing is lost',
  async () => {
    const choices = random.fork()
    for (let round = 0; round < times(1, 5); round++) {
      const root = `/replaced-${choices.whole(0, 1e9)}`
      const old = [...ensemble.members]
      const options = { followServers: true }
      await using workload = await Workload.start(ensemble.servers, root, choices.fork(), options)
      for (const member of choices.shuffled(old)) {
        await workload.proceed()
        await ensemble.add()
        await workload.proceed()
        await ensemble.remove(member)
      }
      await workload.proceed()
      expect(ensemble.members).toHaveLength(3)
      expect(ensemble.members.filter(member => old.includes(member))).toEqual([])
      await workload.finish()
      console.log(await verify(workload, ensemble.servers, root))
    }
  },
  patience,
)
