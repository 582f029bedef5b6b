import { type Observable, type Subscriber, Subscription } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { NodeEntry, Status } from '../contract/engine.ts'
import type { OwnedPartition } from '../contract/owned-partition.ts'
import type { GroupTally } from '../store/group-tally.ts'
import { assign } from './assignment.ts'
import { Clearing } from './clearing.ts'
import { Holdings } from './holdings.ts'
import { commit, isPassing, type NodesRoom } from './partition-nodes.ts'
import { type LagOf, Telling } from './telling.ts'
import { checkName, encodeInfo, type MemberInfo, ownerOf } from './tree.ts'

/** How long to wait before something that failed is tried again, in milliseconds: at first, and at most. */
const FIRST_PAUSE = 20
const LONGEST_PAUSE = 1000

const NOBODY: ReadonlyMap<string, string> = new Map()

/** What a member is made of. */
export interface MemberRoom extends NodesRoom {
  /** What its ids begin with; nobody else's do. */
  readonly name: string
  readonly info: MemberInfo
  readonly tally: GroupTally
}

/**
 * A member of a group. It knows, by watching, who the members are and who owns what, and brings about its part of what
 * follows from that: asks for what it should not own any more, lets go what its consumers have finished with, claims
 * what it should own and nobody owns. What it knows may be out of date; the nodes decide.
 *
 * With each session it begins as another member, under another id, so that what was asked for in an earlier one can be
 * told from what counts.
 */
export class Member<P> {
  readonly #room: MemberRoom
  readonly #destination: Subscriber<OwnedPartition<P>>
  readonly #calls = new Subscription()
  readonly #clearing: Clearing
  readonly #holdings: Holdings<P>
  readonly #telling: Telling<P> | undefined
  #partitions: readonly string[] | undefined
  #members: readonly string[] | undefined
  #owners: ReadonlyMap<string, string> | undefined
  #generation = 0
  #connected = false
  #membership: 'none' | 'asked' | 'made' = 'none'
  #leaving = false
  #pause = FIRST_PAUSE
  #awake = false
  #over = false

  constructor(room: MemberRoom, destination: Subscriber<OwnedPartition<P>>, lagOf: LagOf<P> | undefined) {
    this.#room = room
    this.#destination = destination
    this.#clearing = new Clearing(room)
    this.#holdings = new Holdings(room, this.#clearing, this.#isFormer, room.tally, {
      claimed: holding => {
        if (this.#leaving) holding.done()
        else destination.next(holding)
      },
      settled: error => this.#settled(error),
    })
    this.#telling = lagOf && new Telling(room, lagOf, () => this.#holdings.progress, room.tally)
  }

  start(partitions$: Observable<readonly string[]>, leave$: Observable<unknown>): void {
    const { engine, tree } = this.#room
    const error = (error: unknown) => this.#fail(KVError.from(error, 'ENGINE', 'the group failed'))
    const nodes = engine.nodes!
    const ended = () => {
      this.#holdings.lose('the store is closed')
      this.#end()
      this.#destination.complete()
    }
    this.#calls.add(engine.status$.subscribe({ next: status => this.#onStatus(status), complete: ended }))
    this.#calls.add(
      nodes.children(tree.members).subscribe({ next: children => this.#onMembers(children), error }),
    )
    this.#calls.add(
      nodes.children(tree.owners).subscribe({ next: children => this.#onOwners(children), error }),
    )
    this.#calls.add(leave$.subscribe({ next: () => this.leave(), error: cause => this.#fail(cause) }))
    this.#calls.add(
      partitions$.subscribe({
        next: partitions => this.#onPartitions(partitions),
        error: cause => this.#fail(cause),
      }),
    )
  }

  /** Leaves in good order; completes then. */
  leave(): void {
    this.#leaving = true
    this.#wake()
  }

  /** Nobody wants the partitions any more: lets all go at once, whatever its consumers do. */
  stop(): void {
    if (this.#over) return
    this.#holdings.stop()
    this.#end()
    if (this.#membership === 'made') this.#clearing.member(this.#id)
  }

  get #id(): string {
    return `${this.#room.name}.${this.#generation}`
  }

  /** Whether an id is one that we had in an earlier session. */
  readonly #isFormer = (id: string): boolean => id.startsWith(`${this.#room.name}.`) && id !== this.#id

  #onStatus({ state, reason }: Status): void {
    this.#connected = state === 'connected'
    if (state === 'lost') this.#lose(`the session is lost (${reason})`)
    this.#wake()
  }

  #onMembers(children: readonly NodeEntry[]): void {
    this.#members = children.map(({ name }) => name)
    if (this.#membership === 'made' && !this.#members.includes(this.#id))
      this.#lose('its member node is gone')
    this.#wake()
  }

  #onOwners(children: readonly NodeEntry[]): void {
    this.#owners = new Map(children.map(child => [child.name, ownerOf(child)]))
    this.#holdings.verify(this.#owners)
    this.#wake()
  }

  #onPartitions(partitions: readonly string[]): void {
    try {
      for (const partition of partitions) checkName('partition', partition)
    } catch (error) {
      this.#fail(error)
      return
    }
    this.#partitions = partitions
    this.#wake()
  }

  /** The session is gone, and what it owned with it. */
  #lose(reason: string): void {
    this.#generation++
    this.#membership = 'none'
    this.#telling?.end()
    this.#holdings.lose(reason)
  }

  /** Asks for a step at the end of the turn, one for all that happens in it. */
  #wake(): void {
    if (this.#awake) return
    this.#awake = true
    this.#room.timing.defer(() => {
      this.#awake = false
      this.#step()
    })
  }

  #step(): void {
    if (this.#over || !this.#connected) return
    this.#clearFormer()
    if (this.#leaving) this.#leave()
    else if (this.#membership === 'none') this.#join()
    else if (this.#membership === 'made') this.#rebalance()
  }

  #join(): void {
    const { tree, info, timing } = this.#room
    const id = this.#id
    this.#membership = 'asked'
    const joined = { ...info, start: timing.date() }
    const value = encodeInfo(joined)
    const key = tree.memberNode(id)
    commit(this.#room, [{ type: 'put', key, value, ifVersion: 'absent', ephemeral: true }], error => {
      if (this.#over) this.#clearing.member(id)
      if (this.#over || id !== this.#id) return
      // It may be made already: then the list of members says so.
      const made = error === undefined || this.#members?.includes(id)
      this.#membership = made ? 'made' : 'none'
      if (made) {
        this.#holdings.begin(id)
        this.#telling?.begin(id, joined)
      }
      this.#settled(error)
    })
  }

  #leave(): void {
    const id = this.#id
    if (this.#membership === 'made') {
      // The others need not wait to know whose the partitions will be.
      this.#membership = 'asked'
      commit(this.#room, [{ type: 'delete', key: this.#room.tree.memberNode(id) }], error => {
        if (this.#over || id !== this.#id) return
        this.#membership = error === undefined ? 'none' : 'made'
        this.#settled(error)
      })
    }
    this.#holdings.bringAbout(NOBODY, NOBODY)
    if (this.#membership !== 'none' || !this.#holdings.isEmpty) return
    this.#end()
    this.#destination.complete()
  }

  #rebalance(): void {
    if (!this.#members?.includes(this.#id) || this.#owners === undefined || this.#partitions === undefined)
      return
    const owners = this.#holdings.known(this.#owners)
    const members = this.#members.filter(member => !this.#isFormer(member))
    this.#holdings.bringAbout(assign(members, this.#partitions, owners), owners)
  }

  /** Deletes what says that we are who we were: made late, or by a session that has come back after all. */
  #clearFormer(): void {
    for (const member of this.#members ?? []) if (this.#isFormer(member)) this.#clearing.member(member)
    for (const [partition, owner] of this.#owners ?? []) {
      if (this.#isFormer(owner)) this.#clearing.owner(partition, owner)
    }
  }

  /** Something was tried: goes on, after a pause where it failed. */
  #settled(error: KVError | undefined): void {
    if (error === undefined) {
      this.#pause = FIRST_PAUSE
      this.#wake()
    } else if (isPassing(error)) {
      this.#calls.add(this.#room.timing.after(this.#pause, () => this.#wake()))
      this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE)
    } else this.#fail(error)
  }

  #fail(error: unknown): void {
    if (this.#over) return
    this.stop()
    this.#destination.error(error)
  }

  #end(): void {
    this.#over = true
    this.#telling?.end()
    this.#calls.unsubscribe()
  }
}
