import type { SchedulerLike } from 'rxjs'
import { wholeNumber } from '../base/arguments.ts'
import { KVError } from '../base/errors.ts'
import type { ZooKeeperStoreOptions } from '../engines/zookeeper/store.ts'
import type { KVStore } from '../store/kv-store.ts'
import type { Party } from './simulation/clock.ts'
import type { Server } from './simulation/server.ts'
import { World } from './simulation/world.ts'

/** Options of {@link simulate}. */
export interface SimulationOptions {
  /**
   * Repeats everything that chance decides: latencies, elections, the order of servers.
   * @defaultValue 1
   */
  readonly seed?: number | string | undefined
  /**
   * How many servers the ensemble has.
   * @defaultValue 3
   */
  readonly servers?: number | undefined
  /**
   * ZooKeeper's `tickTime`, in milliseconds: a session may have 2 to 20 of them.
   * @defaultValue 2000
   */
  readonly tickTime?: number | undefined
  /**
   * The servers' `jute.maxbuffer`, in bytes.
   * @defaultValue 1048575
   */
  readonly maxPacketBytes?: number | undefined
  /**
   * How long the scenario may take, in simulated milliseconds.
   * @defaultValue 3600000, an hour
   */
  readonly limit?: number | undefined
}

/** What can be wrong with the lines of a process, or to a server, for so many milliseconds. */
export interface SimulatedLines {
  /** Breaks the connections that there are; what is on its way is lost. */
  cut(): void
  /** Nothing arrives, in either direction, and nothing says so; it comes afterwards. */
  stall(duration: number): void
  /** Everything takes `latency` milliseconds longer, and no more than `rate` bytes a millisecond arrive. */
  slow(duration: number, line: { readonly latency?: number; readonly rate?: number }): void
}

/** A process of a simulation: its stores share a clock and die together. */
export interface SimulatedProcess extends SimulatedLines {
  /** Its clock and its timers, for `timer` and the like. */
  readonly scheduler: SchedulerLike
  /** A store on the simulated ensemble. */
  store<V>(options: Omit<ZooKeeperStoreOptions<V>, 'servers' | 'scheduler'>): KVStore<V>
  /** Does nothing for so many milliseconds, as in a long collection of garbage; then all that was due at once. */
  pause(duration: number): void
  /** Is gone, as by `kill -9`: its memory and connections; what it has sent still arrives. */
  kill(): void
}

/** A server of a simulated ensemble. */
export interface SimulatedServer extends SimulatedLines {
  /** Dies; where it led, or a majority is gone, the others elect a leader when they can. */
  kill(): void
  /** Comes back, with what it had on disk. */
  restart(): void
  /** Hears of changes, and answers writes, so much later, for so long: reads show old values meanwhile. */
  lag(duration: number, lag: number): void
}

/** A simulated world: an ensemble of ZooKeeper servers, processes, and a clock that jumps to whatever is due next. */
export interface Simulation {
  /** Milliseconds since the beginning. */
  readonly now: number
  /** All servers. */
  readonly servers: readonly SimulatedServer[]
  /** The one that leads; `undefined` while there is none. */
  readonly leader: SimulatedServer | undefined
  /** Starts a process. */
  process(): SimulatedProcess
  /** Settles so many milliseconds later. */
  sleep(duration: number): Promise<void>
  /** Every session expires, although its client is there. */
  expireSessions(): void
  /** So much of the requests, of 1, is refused until it is said otherwise, to be asked again. */
  throttle(share: number): void
}

function linesOf(
  { network }: World,
  which: { readonly client?: Party; readonly host?: Server },
): SimulatedLines {
  return {
    cut: () => network.cut(which.client, which.host),
    stall: lasts => network.impose({ ...which, lasts, stalled: true }),
    slow: (lasts, line) => network.impose({ ...which, lasts, ...line }),
  }
}

function serverOf(world: World, server: Server): SimulatedServer {
  return {
    ...linesOf(world, { host: server }),
    kill: () => world.ensemble.kill(server),
    restart: () => world.ensemble.restart(server),
    lag: (duration, lag) => {
      server.lag = lag
      server.lagsUntil = world.clock.now + duration
    },
  }
}

function processOf(world: World, name: string): SimulatedProcess {
  const party = world.party(name)
  return {
    ...linesOf(world, { client: party }),
    scheduler: party,
    store: options => world.store(party, options),
    pause: duration => party.pause(duration),
    kill: () => world.kill(party),
  }
}

function simulationOf(world: World): Simulation {
  const { ensemble, clock } = world
  const servers = ensemble.servers.map(server => serverOf(world, server))
  const timers = world.party('scenario')
  let processes = 0
  return {
    servers,
    get now() {
      return clock.now
    },
    get leader() {
      return ensemble.leader === undefined ? undefined : servers[ensemble.servers.indexOf(ensemble.leader)]
    },
    process: () => processOf(world, `process ${++processes}`),
    sleep: duration => new Promise(resolve => timers.after(duration, resolve)),
    expireSessions: () => {
      for (let i = ensemble.sessions.all.length - 1; i >= 0; i--) ensemble.expire(i)
    },
    throttle: share => {
      ensemble.throttling = share
    },
  }
}

/**
 * Runs `scenario` in a simulated world: the real engine and stores, over an ensemble of ZooKeeper servers that is a model
 * in memory, on virtual time. Hours take seconds, every fault is at hand, and the same seed does the same again.
 *
 * The scenario must wait for nothing that is not simulated: no file, no socket, no timer of the process. What it returns
 * is returned; it fails when it throws, when anything is thrown in a simulated timer, or after `limit`.
 *
 * @example
 * ```ts
 * import { firstValueFrom } from 'rxjs'
 * import { json } from 'rxkeeper'
 * import { simulate } from 'rxkeeper/testing'
 *
 * const visits = await simulate({ seed: 7 }, async simulation => {
 *   const store = simulation.process().store({ root: '/visits', value: json<number>() })
 *   await firstValueFrom(store.put$('alice', 1))
 *   simulation.leader?.kill()
 *   const counted = await firstValueFrom(store.update$('alice', (count = 0) => count + 1))
 *   await store.close()
 *   return counted?.value
 * })
 * console.log(visits) // 2
 * ```
 */
export async function simulate<R>(
  options: SimulationOptions,
  scenario: (simulation: Simulation) => Promise<R>,
): Promise<R> {
  let thrown: { readonly error: unknown } | undefined
  const world = new World(
    options.seed ?? 1,
    {
      servers: wholeNumber('servers', options.servers ?? 3, 1, 99),
      tick: wholeNumber('tickTime', options.tickTime ?? 2000, 1, 1_000_000),
      maxPacketBytes: wholeNumber('maxPacketBytes', options.maxPacketBytes ?? 1_048_575, 4096, 0x3fff_ffff),
    },
    error => {
      thrown ??= { error }
    },
  )
  const limit = wholeNumber('limit', options.limit ?? 3_600_000, 1, Number.MAX_SAFE_INTEGER)
  let isOver = false
  const result = scenario(simulationOf(world)).finally(() => {
    isOver = true
  })
  // Told by `await` below, unless something else ends it before.
  result.catch(() => {})
  const ended = await world.clock.run(() => isOver || thrown !== undefined, limit)
  if (thrown !== undefined) throw thrown.error
  if (!ended) throw new KVError('TIMEOUT', `the scenario is not over after ${limit} simulated milliseconds`)
  return result
}
