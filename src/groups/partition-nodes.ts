import type { Observable } from 'rxjs'
import { KVError, type KVErrorCode } from '../base/errors.ts'
import type { Timing } from '../base/timing.ts'
import type { Due, Engine, Stored, Write } from '../contract/engine.ts'
import { ask } from '../store/engine-call.ts'
import { strideOf } from '../store/fence.ts'
import { type PartitionRecord, recordOf } from '../store/partition-record.ts'
import type { Claimed, ClaimedShard } from './holding.ts'
import { encodeOwner, type GroupTree, ownerOf } from './tree.ts'

/** What the operations on nodes need. */
export interface NodeContext {
  /** Where members and owners are. */
  readonly engine: Engine
  /** Where partitions are processed: each engine of a store has a node for each of them. The first is `engine`. */
  readonly shards: readonly Engine[]
  readonly tree: GroupTree
  readonly timing: Timing
  /** How long an operation may take, in milliseconds. */
  readonly timeout: number
}

const PASSING: ReadonlySet<KVErrorCode> = new Set([
  'TIMEOUT',
  'INDETERMINATE',
  'UNAVAILABLE',
  'VERSION_CONFLICT',
])

/** Whether a retry may succeed. */
export const isPassing = (error: KVError): boolean => PASSING.has(error.code)

/** Carries out all of the writes or none, and passes the result to `end`. */
export function commit(
  context: NodeContext,
  writes: readonly Write[],
  end: (error: KVError | undefined) => void,
  engine: Engine = context.engine,
): void {
  ask<unknown>(engine.commit(writes, dueOf(context)), result =>
    end(result instanceof KVError ? result : undefined),
  )
}

const dueOf = ({ timing, timeout }: NodeContext): Due => ({ deadline: timing.now() + timeout })

/** Reads nodes, and passes what each holds, or the first error, to `end`. */
export function read(
  context: NodeContext,
  nodes: readonly string[],
  end: (stored: readonly (Stored | undefined)[] | KVError) => void,
  engine: Engine = context.engine,
): void {
  type Answer = readonly (Stored | undefined | KVError)[]
  const answer: Observable<Answer> = engine.read(nodes, dueOf(context))
  ask<Answer>(answer, results => {
    const error = results instanceof KVError ? results : results.find(each => each instanceof KVError)
    end(error instanceof KVError ? error : (results as readonly (Stored | undefined)[]))
  })
}

/** Passes the id of the owner to `end`, `undefined` where there is none. */
export function readOwner(
  context: NodeContext,
  partition: string,
  end: (owner: string | undefined | KVError) => void,
): void {
  read(context, [context.tree.ownerNode(partition)], stored => {
    if (stored instanceof KVError) end(stored)
    else end(stored[0] === undefined ? undefined : ownerOf(stored[0]))
  })
}

/**
 * Takes a partition over: creates the owner node and sets the partition's node in one commit, so that nobody owns a
 * partition whose fence was not moved. Then sets the partition's node in the other shards, so that none of them takes a
 * commit of a former owner once records are read. A former owner's mark that it is finished is withdrawn. Ends with
 * `'taken'` where another member owns it.
 *
 * @param id who claims it
 * @param isOurs whether an owner was us, in an earlier session
 */
export function claim<P>(
  context: NodeContext,
  partition: string,
  id: string,
  isOurs: (owner: string) => boolean,
  end: (end: Claimed<P> | 'taken' | KVError) => void,
): void {
  const { tree } = context
  const ownerNode = tree.ownerNode(partition)
  const node = tree.partitionNode(partition)
  const finishedNode = tree.finishedNode(partition)
  read(context, [ownerNode, node, finishedNode], stored => {
    if (stored instanceof KVError) return end(stored)
    const [owner, current, finished] = stored
    const name = owner && ownerOf(owner)
    if (name !== undefined && name !== id && !isOurs(name)) return end('taken')
    const setting = settingOf<P>(node, current, id)
    if (setting instanceof KVError) return end(setting)
    const { writes, claimed } = setting
    const create: Write = {
      type: 'put',
      key: ownerNode,
      value: encodeOwner(id),
      ifVersion: 'absent',
      ephemeral: true,
    }
    if (owner === undefined) writes.unshift(create)
    // Ours already: by a claim whose answer was lost, or by one whose partition we lost since.
    else if (name === id) writes.unshift({ type: 'check', key: ownerNode, ifVersion: owner.version })
    else writes.unshift({ type: 'delete', key: ownerNode, ifVersion: owner.version }, create)
    if (finished !== undefined)
      writes.push({ type: 'delete', key: finishedNode, ifVersion: finished.version })
    commit(context, writes, error => {
      if (error === undefined) claimRest(context, node, id, claimed, end)
      else end(error)
    })
  })
}

/** The writes that set a partition's node in a shard, and what they bring. */
function settingOf<P>(
  node: string,
  current: Stored | undefined,
  owner: string,
): { readonly writes: Write[]; readonly claimed: ClaimedShard<P> } | KVError {
  let record: PartitionRecord<P>
  try {
    record = { ...recordOf<P>(node, current), owner }
  } catch (error) {
    return error as KVError
  }
  const { writes, version } = strideOf(node, record, current?.version ?? 'absent')
  return { writes, claimed: { version, record } }
}

/** Sets the node in all shards but the first. */
function claimRest<P>(
  context: NodeContext,
  node: string,
  id: string,
  first: ClaimedShard<P>,
  end: (end: Claimed<P> | KVError) => void,
): void {
  const rest = context.shards.slice(1)
  const shards: [ClaimedShard<P>, ...ClaimedShard<P>[]] = [first]
  let failure: KVError | undefined
  let left = rest.length
  if (left === 0) end({ node, shards })
  rest.forEach((engine, i) => {
    claimIn<P>(context, engine, node, id, claimed => {
      if (claimed instanceof KVError) failure ??= claimed
      else shards[i + 1] = claimed
      if (--left === 0) end(failure ?? { node, shards })
    })
  })
}

function claimIn<P>(
  context: NodeContext,
  engine: Engine,
  node: string,
  id: string,
  end: (end: ClaimedShard<P> | KVError) => void,
): void {
  const found = (stored: readonly (Stored | undefined)[] | KVError): void => {
    const setting = stored instanceof KVError ? stored : settingOf<P>(node, stored[0], id)
    if (setting instanceof KVError) end(setting)
    else commit(context, setting.writes, error => end(error ?? setting.claimed), engine)
  }
  read(context, [node], found, engine)
}

/**
 * Lets a partition go: deletes the owner node, unless the fence was moved since, so that a late request cannot delete
 * another owner's node. It is no error where the partition is no longer ours.
 *
 * @param version the version that our last commit left; `undefined`: read it first
 */
export function letGo(
  context: NodeContext,
  partition: string,
  id: string,
  version: number | undefined,
  end: (error: KVError | undefined) => void,
): void {
  const { tree } = context
  const ownerNode = tree.ownerNode(partition)
  const node = tree.partitionNode(partition)
  const look = (tried: KVError | undefined): void =>
    read(context, [ownerNode, node], stored => {
      if (stored instanceof KVError) return end(stored)
      const [owner, current] = stored
      if (owner === undefined || ownerOf(owner) !== id || current === undefined) end(undefined)
      // Our last commit was carried out after all.
      else if (current.version !== version) letGo(context, partition, id, current.version, end)
      else end(tried)
    })
  if (version === undefined) {
    look(undefined)
    return
  }
  const writes: Write[] = [
    { type: 'check', key: node, ifVersion: version },
    { type: 'delete', key: ownerNode },
  ]
  commit(context, writes, error => {
    if (error === undefined || !isPassing(error)) end(error)
    else look(error)
  })
}
