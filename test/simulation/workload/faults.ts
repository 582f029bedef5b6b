import type { Party } from '../../../src/testing/simulation/clock.ts'
import type { Random } from '../../../src/testing/simulation/random.ts'
import type { World } from '../../../src/testing/simulation/world.ts'
import type { Fault } from './plan.ts'

export function randomFault(random: Random, stores: number): Fault {
  const store = random.chance(0.5) ? { store: random.below(stores) } : {}
  const server = random.chance(0.5) ? { server: random.below(3) } : {}
  const type = random.pick([
    'cut',
    'cut',
    'stall',
    'stall',
    'slow',
    'slow',
    'kill server',
    'kill server',
    'pause server',
    'pause process',
    'lag',
    'expire',
    'throttle',
    'refuse watches',
  ] as const)
  switch (type) {
    case 'cut':
    case 'stall':
      return { type, ...store, ...server }
    case 'slow':
      return {
        type,
        ...store,
        ...server,
        latency: random.pick([0, 20, 200, 1000]),
        rate: random.pick([1, 20, 1000]),
      }
    case 'kill server':
    case 'pause server':
      return { type, server: random.chance(0.5) ? 'leader' : random.below(3) }
    case 'pause process':
      return { type, store: random.below(stores) }
    case 'lag':
      return { type, server: random.below(3), lag: random.pick([20, 300, 3000]) }
    case 'expire':
      return { type, session: random.below(stores) }
    case 'throttle':
      return { type, probability: random.pick([0.1, 0.5, 1]) }
    case 'refuse watches':
      return { type, times: 1 + random.below(2) }
  }
}

/** Makes a fault happen, for so many milliseconds. */
export function inflict(
  world: World,
  fault: Fault,
  lasts: number,
  partyOf: (store: number) => Party | undefined,
): void {
  const { network, ensemble } = world
  const { servers } = ensemble
  const by = world.party('fault')
  const serverAt = (which: number | 'leader' | undefined) =>
    which === 'leader' ? ensemble.leader : which === undefined ? undefined : servers[which % servers.length]
  const client = 'store' in fault && fault.store !== undefined ? partyOf(fault.store) : undefined
  const host = 'server' in fault ? serverAt(fault.server) : undefined
  switch (fault.type) {
    case 'cut':
      network.cut(client, host)
      break
    case 'stall':
      network.impose({ client, host, lasts, stalled: true })
      break
    case 'slow':
      network.impose({ client, host, lasts, latency: fault.latency, rate: fault.rate })
      break
    case 'kill server':
      if (host === undefined) break
      ensemble.kill(host)
      by.after(lasts, () => ensemble.restart(host))
      break
    case 'pause server':
      host?.party.pause(Math.min(lasts, 4 * ensemble.options.tick))
      break
    case 'pause process':
      client?.pause(lasts)
      break
    case 'lag':
      if (host === undefined) break
      host.lag = fault.lag
      host.lagsUntil = world.clock.now + lasts
      break
    case 'expire':
      ensemble.expire(fault.session)
      break
    case 'throttle':
      ensemble.throttling = fault.probability
      by.after(lasts, () => {
        ensemble.throttling = 0
      })
      break
    case 'refuse watches':
      ensemble.refusedWatches += fault.times
      // Those that are there are gone with their connections.
      network.cut()
      break
  }
}
