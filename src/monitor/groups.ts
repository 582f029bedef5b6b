import { catchError, EMPTY, type Observable, Subscription } from 'rxjs'
import {
  type GroupMember,
  type GroupPartition,
  type GroupSnapshot,
  group$,
  groupNames$,
} from '../groups/group.ts'
import type { AnyStore } from '../store/kv-store.ts'
import type { Group, GroupMemberRow, GroupPartitionRow } from './wire.ts'

/** How many groups, members and partitions are shown; the others are only counted. */
const GROUPS = 10
const MEMBERS = 50
const PARTITIONS = 200
/** How many characters of a name and of a position are shown: others may write anything. */
const NAME = 100
const POSITION = 60

/** How often to read the positions of the partitions, in milliseconds. */
const INTERVAL = 1000

const head = (text: string, length = NAME): string =>
  text.length > length ? `${text.slice(0, length)}…` : text

/** The current groups of a store; none where its engine has no groups. */
export class Groups {
  readonly #store: AnyStore
  readonly #following = new Map<string, Subscription>()
  readonly #snapshots = new Map<string, GroupSnapshot>()
  readonly #work = new Subscription()

  constructor(store: AnyStore) {
    this.#store = store
  }

  start(): void {
    this.#work.add(quietly(groupNames$(this.#store)).subscribe(names => this.#follow(names)))
  }

  stop(): void {
    this.#work.unsubscribe()
  }

  get latest(): Group[] {
    return [...this.#snapshots.values()].map(groupOf)
  }

  #follow(names: readonly string[]): void {
    const shown = names.slice(0, GROUPS)
    for (const [name, subscription] of this.#following) {
      if (shown.includes(name)) continue
      this.#work.remove(subscription)
      subscription.unsubscribe()
      this.#following.delete(name)
      this.#snapshots.delete(name)
    }
    for (const name of shown) {
      if (this.#following.has(name)) continue
      const snapshot$ = quietly(group$(this.#store, name, { interval: INTERVAL }))
      const subscription = snapshot$.subscribe(snapshot => this.#snapshots.set(name, snapshot))
      this.#following.set(name, subscription)
      this.#work.add(subscription)
    }
  }
}

/** Failures of the store are shown elsewhere on the page. */
const quietly = <T>(source$: Observable<T>): Observable<T> => source$.pipe(catchError(() => EMPTY))

function groupOf({ group, members, partitions }: GroupSnapshot): Group {
  const names = new Map(members.map(({ id, name }) => [id, name]))
  return {
    name: head(group),
    members: members.slice(0, MEMBERS).map(memberRow),
    memberCount: members.length,
    partitions: partitions.slice(0, PARTITIONS).map(partition => partitionRow(partition, names)),
    partitionCount: partitions.length,
    rate: partitions.reduce((sum, { rate }) => sum + (rate ?? 0), 0),
  }
}

const memberRow = ({ name, host, pid, start, partitions }: GroupMember): GroupMemberRow => ({
  name: head(name),
  host: head(host),
  pid,
  start,
  owned: partitions.length,
})

function partitionRow(
  { partition, owner, position, records, rate, lag }: GroupPartition,
  names: ReadonlyMap<string, string>,
): GroupPartitionRow {
  const shown = typeof position === 'string' ? position : (JSON.stringify(position) ?? '')
  return {
    name: head(partition),
    owner: owner === undefined ? null : head(names.get(owner) ?? owner),
    position: head(shown, POSITION),
    records,
    rate: rate ?? null,
    lag: lag === undefined ? null : { amount: lag.amount, unit: head(lag.unit, POSITION) },
  }
}
