import { KVError } from '../base/errors.ts'
import { lostTo } from '../store/fence.ts'
import type { GroupTally } from '../store/group-tally.ts'
import type { Clearing } from './clearing.ts'
import { type Claimed, Holding } from './holding.ts'
import { claim, letGo, type NodeContext, readOwner } from './partition-nodes.ts'

/** What {@link Holdings} report to their member. */
export interface HoldingsEvents<P> {
  /** A partition is owned. */
  claimed(holding: Holding<P>): void
  /** A step has succeeded or failed, so that another may be due. */
  settled(error: KVError | undefined): void
}

/** The partitions that a member claims, owns and lets go, over all its sessions. */
export class Holdings<P> {
  readonly #context: NodeContext
  readonly #clearing: Clearing
  /** Whether this owner was us, in an earlier session. */
  readonly #isFormer: (owner: string) => boolean
  readonly #tally: GroupTally
  readonly #events: HoldingsEvents<P>
  readonly #held = new Map<string, Holding<P>>()
  /** Partitions whose node is being read or written. */
  readonly #busy = new Set<string>()
  /** Partitions that we do not hold, though the owner node may name us. */
  readonly #doubtful = new Set<string>()
  #id: string | undefined

  constructor(
    context: NodeContext,
    clearing: Clearing,
    isFormer: (owner: string) => boolean,
    tally: GroupTally,
    events: HoldingsEvents<P>,
  ) {
    this.#context = context
    this.#clearing = clearing
    this.#isFormer = isFormer
    this.#tally = tally
    this.#events = events
  }

  /** Begins a session under this id. */
  begin(id: string): void {
    this.#id = id
  }

  /** The session has expired: everything owned in it is lost. */
  lose(reason: string): void {
    this.#id = undefined
    const held = [...this.#held.values()]
    this.#held.clear()
    this.#busy.clear()
    this.#doubtful.clear()
    this.#gone(held, 'lost')
    for (const holding of held) holding.lose(lostTo(holding.partition, reason))
  }

  /** Lets everything go at once, without waiting for the consumers. */
  stop(): void {
    const id = this.#id
    this.#id = undefined
    const held = [...this.#held.values()]
    this.#held.clear()
    this.#gone(held, 'released')
    for (const holding of held) holding.end()
    if (id === undefined) return
    for (const partition of [...held.map(({ partition }) => partition), ...this.#doubtful]) {
      this.#clearing.owner(partition, id)
    }
  }

  /** Whether we hold nothing, for certain. */
  get isEmpty(): boolean {
    return this.#held.size === 0 && this.#busy.size === 0 && this.#doubtful.size === 0
  }

  /** The positions of the partitions that we hold. */
  get progress(): { readonly partition: string; readonly position: P | undefined }[] {
    return Array.from(this.#held.values(), ({ partition, progress }) => ({ partition, position: progress }))
  }

  /** Who owns what, by the list of owners and by what we know ourselves. */
  known(owners: ReadonlyMap<string, string>): Map<string, string> {
    const known = new Map(owners)
    if (this.#id !== undefined) for (const partition of this.#held.keys()) known.set(partition, this.#id)
    return known
  }

  /** Checks the partitions that we hold but that a new list of owners does not show as ours. */
  verify(owners: ReadonlyMap<string, string>): void {
    for (const holding of this.#held.values()) {
      const { partition } = holding
      if (owners.get(partition) === this.#id) continue
      this.#ask<string | undefined | KVError>(
        partition,
        end => readOwner(this.#context, partition, end),
        owner => {
          if (owner instanceof KVError) this.#events.settled(owner)
          else if (owner !== this.#id) holding.lose(lostTo(partition, `${owner ?? 'nobody'} owns it`))
        },
      )
    }
  }

  /** Takes the steps that are ours to take so that each partition is owned as `target` says. */
  bringAbout(target: ReadonlyMap<string, string>, owners: ReadonlyMap<string, string>): void {
    const isOurs = (partition: string) => target.get(partition) === this.#id
    for (const holding of [...this.#held.values()]) {
      if (!isOurs(holding.partition)) holding.ask()
      if (holding.released) this.#letGo(holding.partition, holding.fences[0].version)
    }
    for (const partition of [...this.#doubtful]) {
      if (!isOurs(partition)) this.#letGo(partition, undefined)
    }
    for (const partition of target.keys()) {
      if (!isOurs(partition) || this.#held.has(partition)) continue
      const owner = owners.get(partition)
      if (owner === undefined || owner === this.#id || this.#isFormer(owner)) this.#claim(partition)
    }
  }

  /** Runs one request for a partition at a time; its result is ignored once the session has ended. */
  #ask<A>(
    partition: string,
    work: (end: (answer: A) => void, id: string) => void,
    then: (answer: A, id: string) => void,
    late: (answer: A, id: string) => void = () => {},
  ): void {
    const id = this.#id
    if (id === undefined || this.#busy.has(partition)) return
    this.#busy.add(partition)
    work(answer => {
      if (this.#id !== id) return late(answer, id)
      this.#busy.delete(partition)
      then(answer, id)
    }, id)
  }

  #claim(partition: string): void {
    this.#ask<Claimed<P> | 'taken' | KVError>(
      partition,
      (end, id) => claim(this.#context, partition, id, this.#isFormer, end),
      (end, id) => {
        this.#doubtful.delete(partition)
        // The list of owners will show by whom.
        if (end === 'taken') return
        if (!(end instanceof KVError)) return this.#hold(partition, id, end)
        this.#doubtful.add(partition)
        this.#events.settled(end)
      },
      (end, id) => {
        if (end !== 'taken') this.#clearing.owner(partition, id)
      },
    )
  }

  #hold(partition: string, id: string, claimed: Claimed<P>): void {
    const holding: Holding<P> = new Holding(partition, id, claimed, this.#tally, () => {
      if (holding.over && this.#held.get(partition) === holding) {
        this.#held.delete(partition)
        this.#doubtful.add(partition)
        this.#gone([holding], 'lost')
      }
      this.#events.settled(undefined)
    })
    this.#held.set(partition, holding)
    this.#tally.gained++
    this.#tally.owned.set(partition, holding)
    this.#events.settled(undefined)
    this.#events.claimed(holding)
  }

  #letGo(partition: string, version: number | undefined): void {
    this.#ask<KVError | undefined>(
      partition,
      (end, id) => letGo(this.#context, partition, id, version, end),
      error => {
        if (error === undefined) {
          const holding = this.#held.get(partition)
          this.#held.delete(partition)
          this.#doubtful.delete(partition)
          if (holding !== undefined) this.#gone([holding], 'released')
          holding?.end()
        }
        this.#events.settled(error)
      },
    )
  }

  #gone(holdings: readonly Holding<P>[], how: 'released' | 'lost'): void {
    this.#tally[how] += holdings.length
    for (const holding of holdings) {
      const { partition } = holding
      // Another member on the same store may own it by now.
      if (this.#tally.owned.get(partition) === holding) this.#tally.owned.delete(partition)
    }
  }
}
