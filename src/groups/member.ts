import { type Observable, type Subscriber, Subscription } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { NodeEntry, Status } from '../contract/engine.ts'
import type { OwnedPartition } from '../contract/owned-partition.ts'
import type { GroupTally } from '../store/group-tally.ts'
import { assign } from './assignment.ts'
import { Clearing } from './clearing.ts'
import { Holdings } from './holdings.ts'
import { commit, isPassing, type NodeContext } from './partition-nodes.ts'
import { type LagOf, Telling } from './telling.ts'
import { checkName, encodeInfo, isHold, type MemberInfo, ownerOf } from './tree.ts'

/** The first and the longest pause before a retry, in milliseconds. */
const FIRST_PAUSE = 20
const LONGEST_PAUSE = 1000

const NOBODY: ReadonlyMap<string, string> = new Map()

/** What a member needs. */
export interface MemberContext extends NodeContext {
  /** The prefix of its ids, which nobody else uses. */
  readonly name: string
  readonly info: MemberInfo
  readonly tally: GroupTally
}

/**
 * A member of a group. It watches who the members are and who owns what, computes the assignment from that, and does
 * its part: asks consumers for partitions that it should no longer own, lets go those they have finished with, and
 * claims those that it should own and nobody does. What it knows may be out of date; the nodes decide.
 *
 * Each session begins as a new member, under a new id, so that requests of an earlier session can be told apart.
 */
export class Member<P> {
  readonly #context: MemberContext
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

  constructor(
    context: MemberContext,
    destination: Subscriber<OwnedPartition<P>>,
    lagOf: LagOf<P> | undefined,
  ) {
    this.#context = context
    this.#destination = destination
    this.#clearing = new Clearing(context)
    this.#holdings = new Holdings(context, this.#clearing, this.#isFormer, context.tally, {
      claimed: holding => {
        if (this.#leaving) holding.done()
        else destination.next(holding)
      },
      settled: error => this.#settled(error),
    })
    this.#telling = lagOf && new Telling(context, lagOf, () => this.#holdings.progress, context.tally)
  }

  start(partitions$: Observable<readonly string[]>, leave$: Observable<unknown>): void {
    const { engine, tree } = this.#context
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

  /** Nobody wants the partitions any more: lets everything go at once, without waiting for the consumers. */
  stop(): void {
    if (this.#over) return
    this.#holdings.stop()
    this.#end()
    if (this.#membership === 'made') this.#clearing.member(this.#id)
  }

  get #id(): string {
    return `${this.#context.name}.${this.#generation}`
  }

  /** Whether this id was ours in an earlier session. */
  readonly #isFormer = (id: string): boolean => id.startsWith(`${this.#context.name}.`) && id !== this.#id

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

  /** The session has expired: everything owned in it is lost. */
  #lose(reason: string): void {
    this.#generation++
    this.#membership = 'none'
    this.#telling?.end()
    this.#holdings.lose(reason)
  }

  /** Schedules one step for the end of the turn, however often it is called. */
  #wake(): void {
    if (this.#awake) return
    this.#awake = true
    this.#context.timing.defer(() => {
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
    const { tree, info, timing } = this.#context
    const id = this.#id
    this.#membership = 'asked'
    const joined = { ...info, start: timing.date() }
    const value = encodeInfo(joined)
    const key = tree.memberNode(id)
    commit(this.#context, [{ type: 'put', key, value, ifVersion: 'absent', ephemeral: true }], error => {
      if (this.#over) this.#clearing.member(id)
      if (this.#over || id !== this.#id) return
      // It may exist already: then the list of members shows it.
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
      // The other members need not wait to learn whose the partitions will be.
      this.#membership = 'asked'
      commit(this.#context, [{ type: 'delete', key: this.#context.tree.memberNode(id) }], error => {
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
    if (this.#members.some(isHold)) {
      this.#holdings.bringAbout(NOBODY, NOBODY)
      return
    }
    const members = this.#members.filter(member => !this.#isFormer(member))
    this.#holdings.bringAbout(assign(members, this.#partitions, owners), owners)
  }

  /** Deletes nodes under our former ids: created late, or by a session that came back after all. */
  #clearFormer(): void {
    for (const member of this.#members ?? []) if (this.#isFormer(member)) this.#clearing.member(member)
    for (const [partition, owner] of this.#owners ?? []) {
      if (this.#isFormer(owner)) this.#clearing.owner(partition, owner)
    }
  }

  /** After a step: goes on, or retries after a pause where it failed. */
  #settled(error: KVError | undefined): void {
    if (error === undefined) {
      this.#pause = FIRST_PAUSE
      this.#wake()
    } else if (isPassing(error)) {
      this.#calls.add(this.#context.timing.after(this.#pause, () => this.#wake()))
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
