import { timingOf } from '../../base/timing.ts'
import type { ZooKeeperStoreOptions } from '../../engines/zookeeper/store.ts'
import { storeIn } from '../../engines/zookeeper/store.ts'
import type { KVStore } from '../../store/kv-store.ts'
import { Party, Rank, VirtualClock } from './clock.ts'
import { Ensemble, type EnsembleOptions } from './ensemble.ts'
import { Network } from './network.ts'
import { Random } from './random.ts'

/** A clock, a network, an ensemble, and the processes that use them, all determined by one seed. */
export class World {
  readonly clock: VirtualClock
  readonly random: Random
  readonly network: Network
  readonly ensemble: Ensemble

  /** `failed` gets uncaught errors. */
  constructor(
    seed: string | number,
    options: EnsembleOptions,
    failed: (error: unknown, party: Party) => void,
  ) {
    this.clock = new VirtualClock(failed)
    this.random = new Random(seed)
    this.network = new Network(this.clock, this.random.fork('network'))
    this.ensemble = new Ensemble(this.network, options)
  }

  /** A new process. */
  party(name: string): Party {
    return new Party(this.clock, name)
  }

  /** The addresses of all servers. */
  get servers(): string {
    return this.ensemble.servers.map(({ address }) => `${address.host}:${address.port}`).join(',')
  }

  /** Opens a store in the process `party`. */
  store<V>(party: Party, options: Omit<ZooKeeperStoreOptions<V>, 'servers' | 'scheduler'>): KVStore<V> {
    const timing = {
      ...timingOf(party),
      afterReading: (delay: number, work: () => void) => party.after(delay, work, Rank.afterReading),
    }
    const connect = (address: Parameters<Network['connect']>[1]) => this.network.connect(party, address)
    const random = this.random.fork(party.name).next
    return storeIn({ timing, random, connect }, { ...options, servers: this.servers, scheduler: party })
  }

  /** A process dies: its timers and connections are gone; data that it has sent still arrive. */
  kill(party: Party): void {
    party.kill()
    this.network.killed(party)
  }
}
