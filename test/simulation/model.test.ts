import { connect } from 'node:net'
import fc from 'fast-check'
import { startZooKeeper } from 'rxkeeper/testing'
import { expect, test } from 'vitest'
import { Party, VirtualClock } from '../../src/testing/simulation/clock.ts'
import { Ensemble } from '../../src/testing/simulation/ensemble.ts'
import { Network } from '../../src/testing/simulation/network.ts'
import { Random } from '../../src/testing/simulation/random.ts'
import { histories, type Place, perform } from './histories.ts'

/** A model of one server, on virtual time. */
function modelled(): Place {
  const clock = new VirtualClock(error => {
    throw error
  })
  const network = new Network(clock, new Random(1))
  const ensemble = new Ensemble(network, { servers: 1, tick: 60_000, maxPacketBytes: 1_048_575 })
  const party = new Party(clock, 'client')
  return {
    open: () => network.connect(party, ensemble.servers[0]!.address),
    async settled(promise) {
      let done = false
      const watched = promise.finally(() => {
        done = true
      })
      await clock.run(() => done)
      return watched
    },
  }
}

test('the model of ZooKeeper answers as ZooKeeper does', async () => {
  await using server = await startZooKeeper({ tickTime: 60_000 })
  const port = Number(server.servers.split(':')[1])
  const real: Place = {
    open: () => connect({ host: '127.0.0.1', port, noDelay: true }),
    settled: promise => promise,
  }
  let performed = 0
  await fc.assert(
    fc.asyncProperty(histories, async history => {
      const expected = await perform(history, real, `/s${++performed}/t`)
      expect(await perform(history, modelled(), '/s/t')).toEqual(expected)
    }),
    { numRuns: 150 },
  )
})
