import { KVError } from '../../base/errors.ts'
import { nextVersion } from '../../contract/conditions.ts'
import type { Stored, Write } from '../../contract/engine.ts'
import type { DueState, Fence, PartitionState } from '../../contract/owned-partition.ts'
import type { Access } from '../../store/access.ts'
import { CommitBy } from '../../store/asked.ts'
import { callbackError } from './arguments.ts'
import type { Item } from './batch.ts'
import type { Outputs } from './outputs.ts'

/** What a commit of an owned partition's records says of the partition, and leaves. */
export interface FenceWrite {
  readonly write: Write & { readonly type: 'put' }
  readonly state: PartitionState<unknown>
  /** The version that it leaves. */
  readonly version: number
}

/** What is found out of commits whose outcome is not known: how many were carried out, or why nobody can tell. */
export type Reconciled = number | KVError

/**
 * The fence of the commits of one subscription: each sets the partition's node on the condition of what the one before
 * leaves, so that they can be sent without waiting for each other.
 */
export class CommitFence<T> {
  /** The chain that these commits make. */
  readonly chain: object = {}
  readonly #fence: Fence<unknown>
  readonly #shard: number
  readonly #positionOf: (record: T) => unknown
  /** What the last commit on its way leaves. */
  #version: number
  #state: PartitionState<unknown>

  readonly #outputs: Outputs | undefined

  constructor(
    fence: Fence<unknown>,
    shard: number,
    positionOf: (record: T) => unknown,
    outputs: Outputs | undefined,
  ) {
    this.#fence = fence
    this.#shard = shard
    this.#outputs = outputs
    this.#positionOf = positionOf
    this.#version = fence.version
    this.#state = fence.state
  }

  /**
   * The write for a commit up to this place, whose last record this is; it follows all that were made since the last
   * {@link restore}; without any record, the position is as it was.
   */
  next(
    place: number,
    last: Pick<Item<T, never, never>, 'record'> | undefined,
    due: DueState | undefined,
  ): FenceWrite {
    const { position } = this.#state
    const state: PartitionState<unknown> = {
      position: last === undefined ? position : this.#position(last.record),
      records: place,
      taken: this.#outputs?.start,
      due: due ?? this.#state.due,
    }
    const write = this.#fence.write(state, this.#version) as FenceWrite['write']
    this.#version = nextVersion(this.#version)
    this.#state = state
    return { write, state, version: this.#version }
  }

  #position(record: T): unknown {
    try {
      return this.#positionOf(record)
    } catch (error) {
      throw callbackError('positionOf', error)
    }
  }

  /** A commit is durable. */
  committed({ version, state }: FenceWrite): void {
    this.#fence.committed(version, state)
  }

  /** None of those under way was carried out: the next follows the last durable one. */
  restore(): void {
    this.#version = this.#fence.version
    this.#state = this.#fence.state
  }

  /** Whether an error leaves open whether another owns the partition, or what was carried out. */
  isDoubtful(error: KVError): boolean {
    return (
      error.code === 'INDETERMINATE' || (error.code === 'VERSION_CONFLICT' && error.key === this.#fence.node)
    )
  }

  /**
   * Finds out how many of these commits were carried out, in order, from the first after the last durable one; ends
   * with `FENCED` where the node is none of theirs. Asks in a transaction first: what it sees, no earlier request can
   * change.
   */
  reconcile<V>(
    access: Access<V>,
    sent: readonly FenceWrite[],
    isStopped: () => boolean,
    then: (end: Reconciled) => void,
  ): void {
    const { node, version } = this.#fence
    const committer = new CommitBy(
      isStopped,
      () => then(0),
      error => {
        if (error.code !== 'VERSION_CONFLICT') then(error)
        else access.readNode(node, stored => then(this.#judge(stored, sent, error)), this.#shard)
      },
    )
    access.commit([], committer, {
      nodes: [{ type: 'check', key: node, ifVersion: version }],
      shard: this.#shard,
    })
  }

  #judge(stored: Stored | undefined | KVError, sent: readonly FenceWrite[], conflict: KVError): Reconciled {
    if (stored instanceof KVError) return stored
    const index = sent.findIndex(
      ({ version, write }) => stored?.version === version && Buffer.compare(stored.value, write.value) === 0,
    )
    return index < 0 ? this.#fence.fenced(conflict) : index + 1
  }
}
