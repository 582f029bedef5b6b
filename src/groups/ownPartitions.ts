import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { NEVER, Observable } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { OwnedPartition } from '../contract/owned-partition.ts'
import type { AnyStore } from '../store/kv-store.ts'
import { observedOf } from '../store/observed-engine.ts'
import { Member } from './member.ts'
import type { LagOf } from './telling.ts'
import { checkName, GroupTree } from './tree.ts'

/** Options of {@link ownPartitions$}. */
export interface OwnPartitionsOptions<P = unknown> {
  /** The name of the group: processes that give the same name on the same root share its partitions. */
  readonly group: string
  /**
   * The names of all partitions, now and at each change, the same for every member. A name must mean the same records
   * for everybody.
   */
  readonly partitions$: Observable<readonly string[]>
  /**
   * When it emits, the member leaves the group: it gives every partition up in good order, then completes.
   * @defaultValue never
   */
  readonly leave$?: Observable<unknown> | undefined
  /**
   * What the member is called, for people.
   * @defaultValue the host and the process id
   */
  readonly member?: string | undefined
  /**
   * Tells how much of a partition comes after a position, for `group$` and `rxkeeper group` to show. Called every two
   * seconds for each partition that this member owns.
   * @defaultValue nothing is shown
   */
  readonly lag?: LagOf<P> | undefined
}

/**
 * Joins a group of processes and emits each partition that this member comes to own; the other members own the others.
 * No partition has two owners: each commit of an owner carries the partition's {@link OwnedPartition.fences | fence}, so
 * that no commit of an owner that was overtaken is carried out.
 *
 * The list of members decides who owns what: as evenly, and with as few moves, as possible. Members and partitions may
 * come and go. A partition that another member should own is asked back (`release$`). One that was lost, because the
 * session expired or another member owns it by now, says so (`lost$`), and may be emitted again later. Where there are
 * more members than partitions, some own nothing and wait.
 *
 * Completes only through `leave$` or when the store is closed. Unsubscribing leaves the group, too, but waits for
 * nothing: commits in flight may or may not be carried out. Errors: `UNSUPPORTED` where the engine has no ephemeral
 * nodes (LMDB), `INVALID_ARGUMENT`, and what `partitions$` fails with; `AUTH`, `QUOTA`, `CODEC` where the nodes cannot
 * be written or read.
 *
 * @example
 * ```ts
 * import { mergeMap, of } from 'rxjs'
 * import { json, memoryStore, ownPartitions$ } from 'rxkeeper'
 *
 * const store = memoryStore({ value: json<number>() })
 * const owned$ = ownPartitions$<number>(store, { group: 'orders', partitions$: of(['even', 'odd']) })
 * owned$.pipe(
 *   mergeMap(({ partition, position = 0 }) => of(`${partition} from ${position}`)),
 * ).subscribe(line => console.log(line)) // even from 0, odd from 0
 * ```
 */
export function ownPartitions$<P = unknown>(
  store: AnyStore,
  options: OwnPartitionsOptions<P>,
): Observable<OwnedPartition<P>> {
  const { group, partitions$, leave$ = NEVER, member = `${hostname()}:${process.pid}` } = options
  const tree = new GroupTree(group)
  checkName('member', member)
  const { engine: whole, timing, timeout, groups } = observedOf(store)
  // Members and owners are in the first ensemble, and live as long as its session.
  const shards = whole.parts?.engines ?? [whole]
  const engine = shards[0]!
  return new Observable(subscriber => {
    if (engine.nodes === undefined) {
      throw new KVError('UNSUPPORTED', `groups need ephemeral nodes, which the ${engine.name} engine has not`)
    }
    const context = {
      engine,
      shards,
      tree,
      timing,
      timeout,
      tally: groups.of(group),
      name: `${member}#${randomBytes(6).toString('base64url')}`,
      info: { name: member, host: hostname(), pid: process.pid, start: timing.date() },
    }
    const self = new Member<P>(context, subscriber, options.lag)
    subscriber.add(() => self.stop())
    self.start(partitions$, leave$)
  })
}
