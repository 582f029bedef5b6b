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
   * Determines everything random: latencies, elections, the order of servers.
   * @defaultValue 1
   */
  readonly seed?: number | string | undefined
  /**
   * The number of servers in the ensemble.
   * @defaultValue 3
   */
  readonly servers?: number | undefined
  /**
   * ZooKeeper's `tickTime`, in milliseconds: session timeouts are from 2 to 20 ticks.
   * @defaultValue 2000
   */
  readonly tickTime?: number | undefined
  /**
   * The servers' `jute.maxbuffer`, in bytes.
   * @defaultValue 1048575
   */
  readonly maxPacketBytes?: number | undefined
  /**
   * The longest that the scenario may take, in simulated milliseconds.
   * @defaultValue 3600000, an hour
   */
  readonly limit?: number | undefined
}

/** Faults of the connections of a process, or to a server; durations are in milliseconds. */
export interface SimulatedLines {
  /** Breaks the open connections; data in flight are lost. */
  cut(): void
  /** Nothing arrives, in either direction, and nobody notices; the data come afterwards. */
  stall(duration: number): void
  /** Everything takes `latency` milliseconds longer, and at most `rate` bytes per millisecond arrive. */
  slow(duration: number, line: { readonly latency?: number; readonly rate?: number }): void
}

/** A process of a simulation: its stores share a clock and die together. */
export interface SimulatedProcess extends SimulatedLines {
  /** Its clock and its timers, for `timer` and the like. */
  readonly scheduler: SchedulerLike
  /** A store on the simulated ensemble. */
  store<V>(options: Omit<ZooKeeperStoreOptions<V>, 'servers' | 'scheduler'>): KVStore<V>
  /**
   * Stops it for this many milliseconds, as a long garbage collection does; then everything that was due happens at
   * once.
   */
  pause(duration: number): void
  /** Kills it, as `kill -9`: its memory and connections are gone; data that it has sent still arrive. */
  kill(): void
}

/** A server of a simulated ensemble. */
export interface SimulatedServer extends SimulatedLines {
  /** Kills it; if it was the leader, or the majority is gone, the others elect a leader when they can. */
  kill(): void
  /** Starts it again, with the data it had on disk. */
  restart(): void
  /**
   * For `duration`, it learns of changes and answers writes `lag` milliseconds late: meanwhile reads show old values.
   */
  lag(duration: number, lag: number): void
}

/** A simulated world: an ensemble of ZooKeeper servers, processes, and a clock that jumps to the next event. */
export interface Simulation {
  /** Milliseconds since the beginning. */
  readonly now: number
  /** All servers. */
  readonly servers: readonly SimulatedServer[]
  /** The current leader; `undefined` while there is none. */
  readonly leader: SimulatedServer | undefined
  /** Starts a process. */
  process(): SimulatedProcess
  /** Resolves after this many milliseconds. */
  sleep(duration: number): Promise<void>
  /** Expires every session, although its client is connected. */
  expireSessions(): void
  /** Until the next call, refuses this share of the requests (0 to 1) as throttled; clients may retry them. */
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
 * Runs `scenario` in a simulated world: the real engine and stores, over a model of a ZooKeeper ensemble in memory, on
 * virtual time. Hours take seconds, every fault can be caused, and the same seed repeats a run.
 *
 * The scenario must not wait for anything outside the simulation: no file, no socket, no timer of the process. Resolves
 * with the result of the scenario; rejects when it throws, when anything throws in a simulated timer, or after `limit`.
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
  // The `await` below reports it, unless something else ends the run first.
  result.catch(() => {})
  const ended = await world.clock.run(() => isOver || thrown !== undefined, limit)
  if (thrown !== undefined) throw thrown.error
  if (!ended) throw new KVError('TIMEOUT', `the scenario is not over after ${limit} simulated milliseconds`)
  return result
}
