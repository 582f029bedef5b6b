import { type Observable, type Subscriber, Subscription } from 'rxjs'
import type { NodeEntry, Status } from '../engine.ts'
import { KVError } from '../errors.ts'
import type { OwnedPartition } from '../owned-partition.ts'
import { assign } from './assignment.ts'
import { lostTo } from './fence.ts'
import { type Claimed, Holding } from './holding.ts'
import { claim, commit, insist, isPassing, letGo, type NodesRoom, readOwner } from './partition-nodes.ts'
import { checkName, encodeInfo, type MemberInfo, ownerOf } from './tree.ts'

/** How long to wait before something that failed is tried again, in milliseconds: at first, and at most. */
const FIRST_PAUSE = 20
const LONGEST_PAUSE = 1000

/** What a member is made of. */
export interface MemberRoom extends NodesRoom {
  /** What its ids begin with; nobody else's do. */
  readonly name: string
  readonly info: MemberInfo
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
  readonly #holdings = new Map<string, Holding<P>>()
  /** Partitions of which a node is asked for or written. */
  readonly #busy = new Set<string>()
  /** Nodes that are being deleted, whatever else happens. */
  readonly #clearing = new Set<string>()
  #partitions: readonly string[] | undefined
  #members: readonly string[] | undefined
  #owners: Map<string, string> | undefined
  #generation = 0
  #connected = false
  #membership: 'none' | 'asked' | 'made' = 'none'
  #leaving = false
  #pause = FIRST_PAUSE
  #awake = false
  #over = false

  constructor(room: MemberRoom, destination: Subscriber<OwnedPartition<P>>) {
    this.#room = room
    this.#destination = destination
  }

  start(partitions$: Observable<readonly string[]>, leave$: Observable<unknown>): void {
    const { engine, tree } = this.#room
    const error = (error: unknown) => this.#fail(KVError.from(error, 'ENGINE', 'the group failed'))
    const nodes = engine.nodes!
    const ended = () => {
      this.#lose('the store is closed')
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
    const held = [...this.#holdings.values()]
    this.#end()
    if (this.#membership === 'made') this.#clearMember(this.#id)
    for (const { partition, fence } of held) this.#clearOwner(partition, this.#id, fence.version)
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
    if (this.#membership === 'made' && !this.#members.includes(this.#id) && !this.#leaving) {
      this.#lose('its member node is gone')
    }
    this.#wake()
  }

  #onOwners(children: readonly NodeEntry[]): void {
    this.#owners = new Map(children.map(child => [child.name, ownerOf(child)]))
    for (const { partition } of this.#holdings.values()) {
      if (this.#owners.get(partition) !== this.#id) this.#verify(partition)
    }
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
    const held = [...this.#holdings.values()]
    this.#holdings.clear()
    this.#busy.clear()
    for (const holding of held) holding.lose(lostTo(holding.partition, reason))
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
    if (this.#leaving) this.#leave()
    else if (this.#membership === 'none') this.#join()
    else if (this.#membership === 'made') this.#rebalance()
  }

  #join(): void {
    const { tree, info, timing } = this.#room
    const id = this.#id
    this.#membership = 'asked'
    const value = encodeInfo({ ...info, start: timing.date() })
    const key = tree.memberNode(id)
    commit(this.#room, [{ type: 'put', key, value, ifVersion: 'absent', ephemeral: true }], error => {
      if (this.#over) this.#clearMember(id)
      if (this.#over || id !== this.#id) return
      // It may be made already: then the list of members says so.
      this.#membership = error === undefined || this.#members?.includes(id) ? 'made' : 'none'
      this.#settled(error)
    })
  }

  #deleteMember(id: string, end: (error: KVError | undefined) => void): void {
    commit(this.#room, [{ type: 'delete', key: this.#room.tree.memberNode(id) }], end)
  }

  #leave(): void {
    if (this.#membership === 'made') {
      this.#membership = 'asked'
      this.#deleteMember(this.#id, error => {
        if (this.#over) return
        this.#membership = error === undefined ? 'none' : 'made'
        this.#settled(error)
      })
    }
    for (const holding of this.#holdings.values()) {
      holding.ask()
      if (holding.released) this.#letGo(holding)
    }
    if (this.#membership !== 'none' || this.#holdings.size > 0 || this.#busy.size > 0) return
    this.#end()
    this.#destination.complete()
  }

  #rebalance(): void {
    const id = this.#id
    if (!this.#members?.includes(id) || this.#owners === undefined || this.#partitions === undefined) return
    const owners = new Map(this.#owners)
    for (const partition of this.#holdings.keys()) owners.set(partition, id)
    const members = this.#members.filter(member => !this.#isFormer(member))
    const target = assign(members, this.#partitions, owners)
    for (const holding of [...this.#holdings.values()]) {
      if (target.get(holding.partition) !== id) holding.ask()
      if (holding.released) this.#letGo(holding)
    }
    for (const [partition, member] of target) {
      if (member !== id || this.#holdings.has(partition) || this.#busy.has(partition)) continue
      const owner = owners.get(partition)
      if (owner === undefined || owner === id || this.#isFormer(owner)) this.#claim(partition)
    }
    this.#clearFormer()
  }

  /** Deletes what says that we are who we were: made late, or by a session that has come back after all. */
  #clearFormer(): void {
    for (const member of this.#members ?? []) if (this.#isFormer(member)) this.#clearMember(member)
    for (const [partition, owner] of this.#owners ?? []) {
      if (this.#isFormer(owner) && !this.#busy.has(partition)) this.#clearOwner(partition, owner, undefined)
    }
  }

  #clearMember(id: string): void {
    this.#clear(this.#room.tree.memberNode(id), end => this.#deleteMember(id, end))
  }

  #clearOwner(partition: string, id: string, version: number | undefined): void {
    this.#clear(this.#room.tree.ownerNode(partition), end => letGo(this.#room, partition, id, version, end))
  }

  #clear(node: string, work: (end: (error: KVError | undefined) => void) => void): void {
    if (this.#clearing.has(node)) return
    this.#clearing.add(node)
    insist(this.#room, LONGEST_PAUSE, work, () => this.#clearing.delete(node))
  }

  #claim(partition: string): void {
    const id = this.#id
    this.#busy.add(partition)
    claim<P>(this.#room, partition, id, this.#isFormer, end => {
      if (this.#over && !(end instanceof KVError) && end !== 'taken')
        this.#clearOwner(partition, id, end.version)
      if (this.#over || id !== this.#id) return
      this.#busy.delete(partition)
      // By whom, the list of owners will say.
      if (end === 'taken') return
      if (end instanceof KVError) this.#settled(end)
      else this.#hold(partition, id, end)
    })
  }

  #hold(partition: string, id: string, claimed: Claimed<P>): void {
    const holding: Holding<P> = new Holding(partition, id, claimed, () => {
      if (holding.over && this.#holdings.get(partition) === holding) this.#holdings.delete(partition)
      this.#wake()
    })
    this.#holdings.set(partition, holding)
    this.#settled(undefined)
    if (!this.#leaving) this.#destination.next(holding)
    else holding.done()
  }

  #letGo(holding: Holding<P>): void {
    const { partition, fence } = holding
    const id = this.#id
    if (this.#busy.has(partition)) return
    this.#busy.add(partition)
    letGo(this.#room, partition, id, fence.version, error => {
      if (this.#over || id !== this.#id) return
      this.#busy.delete(partition)
      if (error === undefined) {
        this.#holdings.delete(partition)
        this.#owners?.delete(partition)
        holding.end()
      }
      this.#settled(error)
    })
  }

  /** Looks whether a partition is ours still, which the list of owners does not say. */
  #verify(partition: string): void {
    const id = this.#id
    if (this.#busy.has(partition)) return
    this.#busy.add(partition)
    readOwner(this.#room, partition, owner => {
      if (this.#over || id !== this.#id) return
      this.#busy.delete(partition)
      if (owner instanceof KVError) this.#settled(owner)
      else if (owner !== id) {
        this.#holdings.get(partition)?.lose(lostTo(partition, `${owner ?? 'nobody'} owns it`))
      }
    })
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
    this.#calls.unsubscribe()
    const held = [...this.#holdings.values()]
    this.#holdings.clear()
    for (const holding of held) holding.end()
  }
}
