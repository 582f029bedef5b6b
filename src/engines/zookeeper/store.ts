import { oneOf, wholeNumber } from '../../base/arguments.ts'
import { KVError } from '../../base/errors.ts'
import { timingOf } from '../../base/timing.ts'
import type { KVStore, StoreOptions } from '../../store/kv-store.ts'
import { kvStore } from '../../store/store.ts'
import { ShardedEngine } from '../sharded/engine.ts'
import type { ShardBy } from '../sharded/placement.ts'
import { accessOf, type ZooKeeperAccess } from './access.ts'
import { ZooKeeperEngine, type ZooKeeperEngineOptions } from './engine.ts'
import { checkRoot, MAX_BUCKETS } from './layout/key-layout.ts'
import { parseServers } from './session/addresses.ts'
import { ofTheProcess, type Surroundings } from './session/surroundings.ts'
import { encodeAcl } from './wire/requests.ts'

/** Options of {@link zookeeperStore}. */
export interface ZooKeeperStoreOptions<V> extends StoreOptions<V>, ZooKeeperAccess {
  /**
   * The servers: `'a:2181,b:2181,[::1]:2181'`, or a list of such strings; the default port is 2181. Either this or
   * {@link ensembles} is required.
   */
  readonly servers?: string | readonly string[] | undefined
  /**
   * The servers of several ensembles, which share the keys: `['a:2181,b:2181,c:2181', 'd:2181,e:2181,f:2181']`. A hash
   * of the key decides which ensemble has it. All have the same `root`, which records number, order and hash, so that a
   * store opened with others fails with `INVALID_ARGUMENT`. An ensemble that is down holds up its own keys only.
   * Transactions within one ensemble are atomic, others are refused with `UNSUPPORTED`.
   */
  readonly ensembles?: readonly string[] | undefined
  /**
   * Decides which keys are in the same ensemble, so that they can share a transaction.
   * @defaultValue keys with the same tag in braces: `user:{42}:name` and `user:{42}:mail`
   */
  readonly shardBy?: ShardBy | undefined
  /**
   * The parent node of the keys, such as `'/apps/demo'`; created if absent, with its parents. There is no default,
   * because two programs would share it unknowingly.
   */
  readonly root: string
  /**
   * The number of hash buckets (nodes below the root) for the keys, up to 4096; with 0, keys are children of the root.
   * Use them for more keys than one node should have as children, about 10,000. The root records the number: a store
   * opened with another one fails with `INVALID_ARGUMENT`.
   * @defaultValue 0
   */
  readonly buckets?: number | undefined
  /**
   * How long the servers keep the session without hearing from it, in milliseconds; they may negotiate another value.
   * @defaultValue 15000
   */
  readonly sessionTimeout?: number | undefined
  /**
   * Whether the servers that the ensemble says it has (`/zookeeper/config`, dynamic reconfiguration) take the place of
   * `servers` once it is connected, so that it may replace them all. They must be allowed to read it, and its addresses
   * for clients be those that this process can reach.
   * @defaultValue false
   */
  readonly followServers?: boolean | undefined
  /**
   * What a read may miss: with `'session'`, writes of other clients that its server has not seen yet; with
   * `'linearizable'`, nothing: each read follows a `sync`, so it excludes a `cache`.
   * @defaultValue 'session'
   */
  readonly consistency?: 'session' | 'linearizable' | undefined
  /**
   * The servers' `jute.maxbuffer`, in bytes: limits a value with its key, and a transaction.
   * @defaultValue 1048575
   */
  readonly maxPacketBytes?: number | undefined
}

/** The largest packet that ZooKeeper can be configured to accept. */
const MAX_PACKET = 0x3fff_ffff
const LONGEST_SESSION = 86_400_000

/**
 * A store on a ZooKeeper ensemble: one znode per key, with the codec's bytes as its data. It connects at once,
 * reconnects after a lost connection, and begins a new session after an expired one; `status$` shows the state.
 *
 * With `ensembles` instead of `servers`, the keys are spread over several of them.
 *
 * Throws `INVALID_ARGUMENT` for an option out of its range.
 *
 * @example
 * ```ts no-run
 * import { json, zookeeperStore } from 'rxkeeper'
 *
 * await using store = zookeeperStore({ servers: 'localhost:2181', root: '/apps/demo', value: json<number>() })
 * store.watch$('alice').subscribe(count => console.log(count))
 * ```
 */
export const zookeeperStore = <V>(options: ZooKeeperStoreOptions<V>): KVStore<V> => zookeeperStoreFor(options)

/** @param mover the name of the run of a move that it is for */
export const zookeeperStoreFor = <V>(options: ZooKeeperStoreOptions<V>, mover?: string): KVStore<V> =>
  storeIn({ ...ofTheProcess, timing: timingOf(options.scheduler) }, options, mover)

/**
 * A {@link zookeeperStore} in other surroundings, which go by the same scheduler.
 *
 * @param mover the name of the run of a move that it is for
 */
export function storeIn<V>(
  surroundings: Surroundings,
  options: ZooKeeperStoreOptions<V>,
  mover?: string,
): KVStore<V> {
  const { root } = options
  checkRoot(root)
  const { tls, credentials, acl } = accessOf(options)
  const consistency = oneOf('consistency', options.consistency ?? 'session', ['session', 'linearizable'])
  if (consistency === 'linearizable' && (options.cache ?? 0) > 0) {
    throw new KVError(
      'INVALID_ARGUMENT',
      `consistency: 'linearizable' and cache: ${options.cache} exclude each other: a read from memory cannot know what ` +
        'was written elsewhere a moment ago',
    )
  }
  const ensembles = ensemblesOf(options)
  const addresses = ensembles.map(parseServers)
  const common: Omit<ZooKeeperEngineOptions, 'servers'> = {
    root,
    buckets: wholeNumber('buckets', options.buckets ?? 0, 0, MAX_BUCKETS),
    timeout: wholeNumber('sessionTimeout', options.sessionTimeout ?? 15_000, 100, LONGEST_SESSION),
    followServers: options.followServers,
    tls,
    credentials,
    acl: encodeAcl(acl),
    linearizable: consistency === 'linearizable',
    maxPacketBytes: wholeNumber('maxPacketBytes', options.maxPacketBytes ?? 1_048_575, 4096, MAX_PACKET),
    mover,
  }
  const engines = addresses.map(servers => new ZooKeeperEngine({ ...common, servers }, surroundings))
  try {
    if (options.ensembles === undefined) return kvStore(engines[0]!, options)
    const { shardBy } = options
    return kvStore(new ShardedEngine(engines, { shardBy, names: options.ensembles }), options)
  } catch (error) {
    for (const engine of engines) void engine.close()
    throw error
  }
}

/** The servers of each ensemble. */
export function ensemblesOf({
  servers,
  ensembles,
  shardBy,
}: Pick<ZooKeeperStoreOptions<never>, 'servers' | 'ensembles' | 'shardBy'>): readonly (
  | string
  | readonly string[]
)[] {
  if (ensembles === undefined) {
    if (shardBy !== undefined) throw new KVError('INVALID_ARGUMENT', '`shardBy` needs `ensembles`')
    // What is none, `parseServers` says.
    return [servers as string]
  }
  if (servers !== undefined) {
    throw new KVError('INVALID_ARGUMENT', '`servers` and `ensembles` exclude each other')
  }
  if (Array.isArray(ensembles) && ensembles.length > 0) return ensembles
  throw new KVError('INVALID_ARGUMENT', '`ensembles` must be a list of strings, one at least')
}
