import { concat, concatMap, EMPTY, from, mergeMap, Observable, range, take } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { Stored } from '../contract/engine.ts'
import { childOf, nodeKey } from '../contract/nodes.ts'
import { GROUPS } from '../groups/tree.ts'
import { readSlots, slotOf } from '../operators/internal/journal.ts'
import { encodeEntry, entryOf, type JournalEntry } from '../operators/internal/journal-entry.ts'
import type { Access } from '../store/access.ts'
import { recordOf } from '../store/partition-record.ts'
import type { Room, Tally } from './tally.ts'

/** The node that the positions of jobs are below. */
const POSITIONS = nodeKey('positions')

/**
 * Writes the journals anew that hold outputs which nobody has taken yet, where what they hold is not current; emits after
 * each, and completes. On an engine that cannot list nodes it completes at once.
 */
export function journals$<V>(room: Room<V>, tally: Tally): Observable<void> {
  const children$ = (parent: string): Observable<string> =>
    (room.engine.nodes?.children(parent) ?? EMPTY).pipe(
      take(1),
      mergeMap(children => children.map(({ name }) => childOf(parent, name))),
    )
  const partitions$ = children$(GROUPS).pipe(mergeMap(group => children$(childOf(group, 'partitions'))))
  return concat(partitions$, children$(POSITIONS)).pipe(mergeMap(node => journal$(room, node, tally), 1))
}

function journal$<V>({ access }: Room<V>, node: string, tally: Tally): Observable<void> {
  return range(0, access.shards).pipe(
    concatMap(shard =>
      read$(access, node, shard).pipe(
        mergeMap(([partition, slots]) => from(outdatedIn(access, node, partition, slots, tally))),
        mergeMap(outdated => write$(access, outdated, shard, tally), 1),
      ),
    ),
  )
}

/** The node of a partition, and those of its journal, in a shard. */
function read$<V>(
  access: Access<V>,
  node: string,
  shard: number,
): Observable<readonly [Stored | undefined, readonly (Stored | undefined)[]]> {
  return new Observable(subscriber => {
    const read = (partition: Stored | undefined | KVError): void => {
      if (partition instanceof KVError) {
        subscriber.error(partition)
        return
      }
      readSlots(access, node, shard, slots => {
        if (slots instanceof KVError) subscriber.error(slots)
        else {
          subscriber.next([partition, slots])
          subscriber.complete()
        }
      })
    }
    access.readNode(node, read, shard)
  })
}

interface Outdated {
  /** The node that it is in. */
  readonly slot: string
  readonly entry: JournalEntry
  readonly version: number
}

/** The entries with outputs that are not taken, and something in them that is not current; made anew. */
function outdatedIn<V>(
  access: Access<V>,
  node: string,
  partition: Stored | undefined,
  slots: readonly (Stored | undefined)[],
  tally: Tally,
): readonly Outdated[] {
  const outdated: Outdated[] = []
  try {
    const { records, taken } = recordOf(node, partition)
    if (taken === undefined || taken.records === records) return []
    slots.forEach((stored, index) => {
      if (stored === undefined) return
      const slot = slotOf(node, index)
      const entry = entryOf(slot, stored.value, index, access.beside)
      if (entry.from < taken.records || entry.to > records) return
      const values = [...entry.before]
      const isCurrent =
        access.beside?.isCurrent?.(stored.value, slot) !== false &&
        values.every(([key, bytes]) => bytes === undefined || access.isCurrent(key, bytes))
      if (isCurrent) return
      const before = new Map(values.map(([key, bytes]) => [key, bytes && renewed(access, key, bytes)]))
      outdated.push({ slot, entry: { ...entry, before }, version: stored.version })
    })
  } catch (error) {
    tally.count(KVError.from(error, 'CODEC', 'a journal of outputs could not be read', node))
  }
  return outdated
}

const renewed = <V>(access: Access<V>, key: string, bytes: Uint8Array): Uint8Array =>
  access.encode(key, access.decode(key, bytes))

function write$<V>(
  access: Access<V>,
  { slot, entry, version }: Outdated,
  shard: number,
  tally: Tally,
): Observable<void> {
  return new Observable(subscriber => {
    const settled = (error: KVError | undefined): void => {
      const fatal = tally.count(error)
      if (fatal === undefined) {
        subscriber.next()
        subscriber.complete()
      } else subscriber.error(fatal)
    }
    const value = encodeEntry(slot, entry, access.beside)
    access.commit(
      [],
      {
        get withdrawn() {
          return subscriber.closed
        },
        committed: () => settled(undefined),
        failed: settled,
      },
      { nodes: [{ type: 'put', key: slot, value, ifVersion: version }], shard },
    )
  })
}
