import { KVError } from '../base/errors.ts'
import type { GroupTally } from '../store/group-tally.ts'
import { commit, type NodeContext, read } from './partition-nodes.ts'
import { encodeInfo, type MemberInfo, type PartitionLag } from './tree.ts'

/** How often a member reports the lag of its partitions, in milliseconds. */
const INTERVAL = 2000

/** Tells how much of a partition comes after a position. */
export type LagOf<P> = (partition: string, position: P | undefined) => Promise<PartitionLag | undefined>

/** How far a partition is processed. */
interface Progress<P> {
  readonly partition: string
  readonly position: P | undefined
}

/**
 * Writes the lag of a member's partitions into the member's node, now and then, for people to see. A transient failure
 * is made up for the next time.
 */
export class Telling<P> {
  readonly #context: NodeContext
  readonly #lagOf: LagOf<P>
  readonly #progress: () => readonly Progress<P>[]
  readonly #tally: GroupTally
  #current: object | undefined

  constructor(
    context: NodeContext,
    lagOf: LagOf<P>,
    progress: () => readonly Progress<P>[],
    tally: GroupTally,
  ) {
    this.#tally = tally
    this.#context = context
    this.#lagOf = lagOf
    this.#progress = progress
  }

  /** Begins to report in the node of a member that was just created. */
  begin(id: string, info: MemberInfo): void {
    const telling = {}
    this.#current = telling
    const context = this.#context
    const key = context.tree.memberNode(id)
    let told = ''
    const later = (): void => {
      context.timing.after(INTERVAL, () => {
        if (this.#current === telling) void tell()
      })
    }
    const tell = async (): Promise<void> => {
      const lags = await this.#lags()
      if (this.#current === telling) this.#tally.lags = lags
      const text = JSON.stringify(lags)
      if (this.#current !== telling || text === told) return later()
      read(context, [key], stored => {
        const [node] = stored instanceof KVError ? [] : stored
        // Only while the node exists: an unconditional put would create one that outlives the session.
        if (node === undefined) return later()
        const value = encodeInfo({ ...info, lags })
        commit(context, [{ type: 'put', key, value, ifVersion: node.version }], error => {
          if (error === undefined) told = text
          later()
        })
      })
    }
    later()
  }

  end(): void {
    this.#current = undefined
    this.#tally.lags = {}
  }

  async #lags(): Promise<Record<string, PartitionLag>> {
    const asked = this.#progress().map(async ({ partition, position }) => {
      const lag = await attempted(() => this.#lagOf(partition, position))
      return lag === undefined ? [] : [[partition, lag] as const]
    })
    return Object.fromEntries((await Promise.all(asked)).flat())
  }
}

/** The result of `work`; `undefined` where it fails. */
async function attempted<R>(work: () => Promise<R>): Promise<R | undefined> {
  try {
    return await work()
  } catch {
    return undefined
  }
}
