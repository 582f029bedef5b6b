import { concat, forkJoin, map, Observable, of, switchMap, toArray } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { Stored } from '../contract/engine.ts'
import { nodeKey } from '../contract/nodes.ts'
import type { Fence, OwnedPartition } from '../contract/owned-partition.ts'
import { accessOf } from '../store/access.ts'
import { claimNode } from '../store/claim.ts'
import type { KVStore, Mutation } from '../store/kv-store.ts'
import { observedOf } from '../store/observed-engine.ts'

/** The position as it is stored, and what a former version of this library left under the key. */
interface Found<V> {
  readonly node: Stored | undefined
  readonly former: { readonly value: V; readonly version: number } | undefined
}

/**
 * Takes the position of a job over that is kept under `key`: its node beside the keys is position and fence, as a
 * partition's is, one in each shard. From now on, no run that had it before commits anything. Emits the fences, once.
 *
 * A former version of this library kept it as a value under the key itself; that is where it goes on then, and the key
 * is deleted, so that a run of that version commits nothing either.
 */
export function claimPosition$<V>(store: KVStore<V>, key: string): Observable<OwnedPartition['fences']> {
  const { engine } = observedOf(store)
  const shards = engine.parts?.engines ?? [engine]
  if (!shards.every(({ keepsNodes }) => keepsNodes)) {
    throw new KVError(
      'UNSUPPORTED',
      `the position of a job is kept beside the keys, and the ${engine.name} engine has no place there`,
    )
  }
  // The first shard first: of runs that begin at the same time, one is ahead.
  const [first, ...rest] = shards.map((_, shard) => claimIn$(store, key, shard, shards.length))
  return concat(first!, forkJoin(rest)).pipe(
    toArray(),
    map(claimed => claimed.flat() as unknown as OwnedPartition['fences']),
  )
}

function claimIn$<V>(
  store: KVStore<V>,
  key: string,
  shard: number,
  shards: number,
): Observable<Fence<unknown>> {
  const node = nodeKey('positions', key)
  return readNode$(store, node, shard).pipe(
    switchMap(found =>
      // There were no stores of several shards then.
      found === undefined && shards === 1
        ? store.entry$(key).pipe(map((former): Found<V> => ({ node: undefined, former })))
        : of<Found<V>>({ node: found, former: undefined }),
    ),
    switchMap(found => claim$(store, key, node, found, shard)),
    switchMap(fence => (fence === 'taken' ? claimIn$(store, key, shard, shards) : of(fence))),
  )
}

function readNode$<V>(store: KVStore<V>, node: string, shard: number): Observable<Stored | undefined> {
  return new Observable(subscriber =>
    accessOf<V>(store).readNode(
      node,
      found => {
        if (found instanceof KVError) subscriber.error(found)
        else {
          subscriber.next(found)
          subscriber.complete()
        }
      },
      shard,
    ),
  )
}

/** Emits `'taken'` where somebody else was faster. */
function claim$<V>(
  store: KVStore<V>,
  key: string,
  node: string,
  { node: stored, former }: Found<V>,
  shard: number,
): Observable<Fence<unknown> | 'taken'> {
  return new Observable(subscriber => {
    const place = { node, partition: key, stored, shard, position: former?.value }
    const mutations: Mutation<V>[] =
      former === undefined ? [] : [{ type: 'delete', key, ifVersion: former.version }]
    claimNode(
      accessOf<V>(store),
      place,
      mutations,
      () => subscriber.closed,
      end => {
        if (end instanceof KVError) subscriber.error(end)
        else {
          subscriber.next(end)
          subscriber.complete()
        }
      },
    )
  })
}
