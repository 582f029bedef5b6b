import {
  catchError,
  combineLatest,
  concatMap,
  EMPTY,
  exhaustMap,
  forkJoin,
  from,
  map,
  Observable,
  reduce,
  switchMap,
  throwError,
} from 'rxjs'
import { wholeNumber } from '../base/arguments.ts'
import { KVError } from '../base/errors.ts'
import type { Timing } from '../base/timing.ts'
import type { Engine, NodeEntry, Stored } from '../contract/engine.ts'
import { compareKeys } from '../contract/keys.ts'
import { startOf } from '../contract/owned-partition.ts'
import type { AnyStore } from '../store/kv-store.ts'
import { type Observed, observedOf } from '../store/observed-engine.ts'
import { isPassing } from './partition-nodes.ts'
import { Rates } from './rates.ts'
import { GROUPS, GroupTree, infoOf, ownerOf, type PartitionLag, progressOf } from './tree.ts'

/** A member of a group. */
export interface GroupMember {
  /** Unique; a new one after its session has expired. */
  readonly id: string
  /** Its name, for people. */
  readonly name: string
  readonly host: string
  readonly pid: number
  /** When it joined, in milliseconds since 1970. */
  readonly start: number
  /** The partitions that it owns, sorted by name. */
  readonly partitions: readonly string[]
}

/** A partition of a group that has, or had, an owner. */
export interface GroupPartition {
  readonly partition: string
  /** The id of the member that owns it; `undefined` where none does. */
  readonly owner: string | undefined
  /** The position of the last commit; `undefined` before the first. */
  readonly position: unknown
  /** How many of its records were committed, by all its owners. */
  readonly records: number
  /** The recent rate, in committed records per second; `undefined` at first. */
  readonly rate: number | undefined
  /** How much of it is left to process, where its owner reports it. */
  readonly lag: PartitionLag | undefined
}

/** A group at one moment; all lists are sorted by name. */
export interface GroupSnapshot {
  readonly group: string
  readonly members: readonly GroupMember[]
  readonly partitions: readonly GroupPartition[]
}

/** Options of {@link group$}. */
export interface GroupOptions {
  /**
   * How often to read the positions of the partitions, in milliseconds.
   * @defaultValue 1000
   */
  readonly interval?: number | undefined
}

/** Emits at once, and again after each interval. */
const ticks = ({ after }: Timing, interval: number): Observable<void> =>
  new Observable(subscriber => {
    const tick = (): void => {
      subscriber.next()
      if (!subscriber.closed) subscriber.add(after(interval, tick))
    }
    tick()
  })

/** The contents of nodes, in as many requests as it takes; emits nothing where a transient failure prevents reading. */
function read(
  engine: Engine,
  { timing, timeout }: Observed,
  nodes: readonly string[],
): Observable<(Stored | undefined)[]> {
  const parts: string[][] = []
  const most = Math.max(1, engine.limits.readBatch)
  for (let i = 0; i < nodes.length; i += most) parts.push(nodes.slice(i, i + most))
  return from(parts).pipe(
    concatMap(part => engine.read(part, { deadline: timing.now() + timeout })),
    map(results =>
      results.map(stored => {
        if (stored instanceof KVError) throw stored
        return stored
      }),
    ),
    reduce((all, some) => [...all, ...some], [] as (Stored | undefined)[]),
    catchError((error: unknown) =>
      error instanceof KVError && isPassing(error) ? EMPTY : throwError(() => error),
    ),
  )
}

const nodesOf = (engine: Engine): NonNullable<Engine['nodes']> => {
  if (engine.nodes !== undefined) return engine.nodes
  throw new KVError('UNSUPPORTED', `groups need ephemeral nodes, which the ${engine.name} engine has not`)
}

const byName = (children: readonly NodeEntry[]): readonly string[] =>
  children.map(({ name }) => name).sort(compareKeys)

/**
 * Observes a group: its members, who owns which partition, and how far each is processed. Anybody who can read the
 * store can. Emits when a member or owner comes or goes, and at each interval; never completes before `close`. A group
 * that nobody has joined yet has no members and no partitions. `UNSUPPORTED` where the engine has no ephemeral nodes.
 *
 * @example
 * ```ts
 * import { filter, of, take } from 'rxjs'
 * import { group$, json, memoryStore, ownPartitions$ } from 'rxkeeper'
 *
 * const store = memoryStore({ value: json<number>() })
 * const owned$ = ownPartitions$(store, { group: 'orders', partitions$: of(['a', 'b']), member: 'me' })
 * const membership = owned$.subscribe()
 * group$(store, 'orders').pipe(
 *   filter(({ members }) => members[0]?.partitions.length === 2),
 *   take(1),
 * ).subscribe(({ members }) => {
 *   console.log(members[0]?.name, members[0]?.partitions) // me [ 'a', 'b' ]
 *   membership.unsubscribe()
 * })
 * ```
 */
export function group$(
  store: AnyStore,
  group: string,
  options: GroupOptions = {},
): Observable<GroupSnapshot> {
  const tree = new GroupTree(group)
  const interval = wholeNumber('interval', options.interval ?? 1000, 1, 0x7fff_ffff)
  const observed = observedOf(store)
  const { engine, timing } = observed
  const [first = engine, ...rest] = engine.parts?.engines ?? []
  return new Observable(subscriber => {
    const nodes = nodesOf(engine)
    const rates = new Rates(interval)
    const snapshot$ = combineLatest([
      nodes.children(tree.members),
      nodes.children(tree.owners),
      nodes.children(tree.partitions),
    ]).pipe(
      switchMap(([members, owners, partitions]) => {
        const ids = byName(members)
        const names = byName(partitions)
        const ownerIn = new Map(owners.map(child => [child.name, ownerOf(child)]))
        const partitionNodes = names.map(name => tree.partitionNode(name))
        const addresses = [...ids.map(id => tree.memberNode(id)), ...partitionNodes]
        return ticks(timing, interval).pipe(
          exhaustMap(() =>
            forkJoin([
              read(first, observed, addresses),
              ...rest.map(shard => read(shard, observed, partitionNodes)),
            ]),
          ),
          map(([stored = [], ...others]): GroupSnapshot => {
            const infos = new Map(ids.map((id, i) => [id, stored[i] && infoOf(stored[i])]))
            return {
              group,
              members: ids.map(id => memberOf(id, infos.get(id), ownerIn)),
              partitions: names.map((partition, i) => {
                const inFirst = progressOf(stored[ids.length + i])
                const states = [inFirst, ...others.map(inShard => progressOf(inShard[i]))]
                const { position, records } = startOf(states, false)
                const owner = ownerIn.get(partition)
                const lags = owner === undefined ? undefined : infos.get(owner)?.lags
                const lag = lags && Object.hasOwn(lags, partition) ? lags[partition] : undefined
                const rate = rates.of(partition, records, timing.now())
                return { partition, owner, position, records, rate, lag }
              }),
            }
          }),
        )
      }),
    )
    return snapshot$.subscribe(subscriber)
  })
}

/**
 * The names of all groups that exist, or existed, on a store, sorted: now, and again when one is added; never completes
 * before `close`. `UNSUPPORTED` where the engine has no ephemeral nodes.
 *
 * @example
 * ```ts
 * import { of } from 'rxjs'
 * import { groupNames$, json, memoryStore, ownPartitions$ } from 'rxkeeper'
 *
 * const store = memoryStore({ value: json<number>() })
 * ownPartitions$(store, { group: 'orders', partitions$: of(['a']) }).subscribe()
 * groupNames$(store).subscribe(names => console.log(names)) // [], [ 'orders' ]
 * ```
 */
export function groupNames$(store: AnyStore): Observable<readonly string[]> {
  const { engine } = observedOf(store)
  return new Observable(subscriber =>
    nodesOf(engine).children(GROUPS).pipe(map(byName)).subscribe(subscriber),
  )
}

const memberOf = (
  id: string,
  info: ReturnType<typeof infoOf>,
  owners: ReadonlyMap<string, string>,
): GroupMember => ({
  id,
  name: info?.name || id,
  host: info?.host ?? '',
  pid: info?.pid ?? 0,
  start: info?.start ?? 0,
  partitions: [...owners]
    .flatMap(([partition, owner]) => (owner === id ? [partition] : []))
    .sort(compareKeys),
})
