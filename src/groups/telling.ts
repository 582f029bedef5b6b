import { KVError } from '../base/errors.ts'
import type { GroupTally } from '../store/group-tally.ts'
import { commit, type NodesRoom, read } from './partition-nodes.ts'
import { encodeInfo, type MemberInfo, type PartitionLag } from './tree.ts'

/** How often a member tells how much of its partitions is left to do, in milliseconds. */
const INTERVAL = 2000

/** Tells how much of a partition comes after a position. */
export type LagOf<P> = (partition: string, position: P | undefined) => Promise<PartitionLag | undefined>

/** What a partition's processing has come to. */
interface Progress<P> {
  readonly partition: string
  readonly position: P | undefined
}

/**
 * Writes into the node of a member, now and then, how much of its partitions is left to do: for people to see. What
 * cannot be asked or written in passing is told the next time.
 */
export class Telling<P> {
  readonly #room: NodesRoom
  readonly #lagOf: LagOf<P>
  readonly #progress: () => readonly Progress<P>[]
  readonly #tally: GroupTally
  #current: object | undefined

  constructor(room: NodesRoom, lagOf: LagOf<P>, progress: () => readonly Progress<P>[], tally: GroupTally) {
    this.#tally = tally
    this.#room = room
    this.#lagOf = lagOf
    this.#progress = progress
  }

  /** Begins to tell in the node of a member, which was made just now. */
  begin(id: string, info: MemberInfo): void {
    const telling = {}
    this.#current = telling
    const room = this.#room
    const key = room.tree.memberNode(id)
    let told = ''
    const later = (): void => {
      room.timing.after(INTERVAL, () => {
        if (this.#current === telling) void tell()
      })
    }
    const tell = async (): Promise<void> => {
      const lags = await this.#lags()
      if (this.#current === telling) this.#tally.lags = lags
      const text = JSON.stringify(lags)
      if (this.#current !== telling || text === told) return later()
      read(room, [key], stored => {
        const [node] = stored instanceof KVError ? [] : stored
        // Only where it is still there: one that is made by a set would outlive the session.
        if (node === undefined) return later()
        const value = encodeInfo({ ...info, lags })
        commit(room, [{ type: 'put', key, value, ifVersion: node.version }], error => {
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

/** What `work` resolves with; nothing where it fails. */
async function attempted<R>(work: () => Promise<R>): Promise<R | undefined> {
  try {
    return await work()
  } catch {
    return undefined
  }
}
