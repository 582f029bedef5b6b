import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { KVError } from '../base/errors.ts'
import type { Stored } from '../contract/engine.ts'
import type { Fence } from '../contract/owned-partition.ts'
import type { Access } from './access.ts'
import { CommitBy } from './asked.ts'
import { NodeFence, strideOf } from './fence.ts'
import type { Mutation } from './kv-store.ts'
import { type PartitionRecord, recordOf } from './partition-record.ts'

/** A node to claim, as it was found. */
export interface Claimable {
  readonly node: string
  /** Its name in messages. */
  readonly partition: string
  readonly stored: Stored | undefined
  /**
   * The shard that it is in.
   * @defaultValue the first
   */
  readonly shard?: number | undefined
  /** The initial position, if the node has none. */
  readonly position?: unknown
}

/**
 * Claims a node that one process owns at a time, without a group: from now on, no commit with an earlier fence is
 * carried out. Ends with `'taken'` if another process was faster.
 */
export function claimNode<V>(
  access: Access<V>,
  { node, partition, stored, shard, position }: Claimable,
  mutations: readonly Mutation<V>[],
  isStopped: () => boolean,
  then: (end: Fence<unknown> | 'taken' | KVError) => void,
): void {
  const owner = `${hostname()}:${process.pid}#${randomBytes(6).toString('base64url')}`
  const left = recordOf<unknown>(node, stored)
  const record: PartitionRecord<unknown> = { ...left, position: position ?? left.position, owner }
  const { writes, version } = strideOf(node, record, stored?.version ?? 'absent')
  access.commit(
    mutations,
    new CommitBy(
      isStopped,
      () => then(new NodeFence({ node, partition, owner }, version, stateOf(record), () => {})),
      error => then(error.code === 'VERSION_CONFLICT' ? 'taken' : error),
    ),
    { nodes: writes, shard },
  )
}

const stateOf = ({ owner: _, ...state }: PartitionRecord<unknown>) => state

/** Claims a node as {@link claimNode} does, and retries if another process is faster. */
export function claimFence<V>(
  access: Access<V>,
  node: string,
  name: string,
  isStopped: () => boolean,
  then: (end: Fence<unknown> | KVError) => void,
): void {
  access.readNode(node, stored => {
    if (isStopped()) return
    if (stored instanceof KVError) return then(stored)
    try {
      claimNode(access, { node, partition: name, stored }, [], isStopped, end => {
        if (isStopped()) return
        if (end === 'taken') claimFence(access, node, name, isStopped, then)
        else then(end)
      })
    } catch (error) {
      then(error as KVError)
    }
  })
}
