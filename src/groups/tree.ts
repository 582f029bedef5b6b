import { hostname } from 'node:os'
import { KVError } from '../base/errors.ts'
import { json, text } from '../codecs.ts'
import type { NodeEntry, Stored } from '../contract/engine.ts'
import { quoteKey } from '../contract/keys.ts'
import { childOf, namesOf, nodeKey } from '../contract/nodes.ts'
import type { PartitionState } from '../contract/owned-partition.ts'
import { recordOf } from '../store/partition-record.ts'

/** How much of a partition is left to process. */
export interface PartitionLag {
  readonly amount: number
  /** What the amount is counted in, such as `records` or `bytes`. */
  readonly unit: string
}

/** What a member says about itself. */
export interface MemberInfo {
  /** Its name, for people. */
  readonly name: string
  readonly host: string
  readonly pid: number
  /** When it joined, in milliseconds since 1970. */
  readonly start: number
  /** The lag of its partitions, where it knows. */
  readonly lags?: Readonly<Record<string, PartitionLag>> | undefined
}

/** The parent node of all groups. */
export const GROUPS: string = nodeKey('groups')

/** Where the nodes of a group are: `groups/NAME/members`, `…/owners`, `…/partitions` and `…/finished`. */
export class GroupTree {
  readonly members: string
  readonly owners: string
  readonly partitions: string
  /** Its children are the partitions whose owner has reached the end. */
  readonly finished: string

  constructor(group: string) {
    checkName('group', group)
    const folder = childOf(GROUPS, group)
    this.members = childOf(folder, 'members')
    this.owners = childOf(folder, 'owners')
    this.partitions = childOf(folder, 'partitions')
    this.finished = childOf(folder, 'finished')
  }

  memberNode(id: string): string {
    return childOf(this.members, id)
  }

  ownerNode(partition: string): string {
    return childOf(this.owners, partition)
  }

  partitionNode(partition: string): string {
    return childOf(this.partitions, partition)
  }

  finishedNode(partition: string): string {
    return childOf(this.finished, partition)
  }
}

/** The group whose folder a node is; `undefined` where it is none. */
export function groupOf(node: string): string | undefined {
  const [, name] = namesOf(node)
  return name !== undefined && childOf(GROUPS, name) === node ? name : undefined
}

const HELD_BY = 'held by '

/** Whether it is no member, but somebody who asks all of them to let their partitions go. The id of a member has a `#`. */
export const isHold = (id: string): boolean => id.startsWith(HELD_BY) && !id.includes('#')

/** The node by which somebody asks the members of a group to let their partitions go, as long as it is there. */
export function holdOf(tree: GroupTree, by: string): { readonly node: string; readonly value: Uint8Array } {
  const id = `${HELD_BY}${by}`
  const value = encodeInfo({ name: id, host: hostname(), pid: process.pid, start: Date.now() })
  return { node: tree.memberNode(id), value }
}

/** Throws `INVALID_ARGUMENT` for a name that no node can have. */
export function checkName(what: string, name: unknown): asserts name is string {
  if (typeof name === 'string' && name !== '' && name.isWellFormed()) return
  throw new KVError(
    'INVALID_ARGUMENT',
    `the name of a ${what} must be a string that is not empty and well-formed, got ${quoteKey(name)}`,
  )
}

const infoCodec = json<MemberInfo>()

/** What a partition's node says about its progress; nothing where no group wrote it. */
export function progressOf(stored: Pick<Stored, 'value'> | undefined): PartitionState<unknown> {
  try {
    return recordOf('', stored)
  } catch {
    return { position: undefined, records: 0 }
  }
}

export const encodeInfo = (info: MemberInfo): Uint8Array => infoCodec.encode(info)

/** What a member says about itself. Another client may have written anything: only what fits is used. */
export function infoOf({ value }: Pick<NodeEntry, 'value'>): MemberInfo | undefined {
  let told: Readonly<Record<string, unknown>>
  try {
    told = Object(infoCodec.decode(value))
  } catch {
    return undefined
  }
  const textAt = (key: string) => (typeof told[key] === 'string' ? told[key] : '')
  const numberAt = (key: string) => (Number.isFinite(told[key]) ? (told[key] as number) : 0)
  const lags = Object.entries(Object(told.lags) as Record<string, unknown>).filter(
    (entry): entry is [string, PartitionLag] => isLag(entry[1]),
  )
  return {
    name: textAt('name'),
    host: textAt('host'),
    pid: numberAt('pid'),
    start: numberAt('start'),
    lags: Object.fromEntries(lags),
  }
}

function isLag(value: unknown): value is PartitionLag {
  const { amount, unit } = Object(value) as Partial<PartitionLag>
  return Number.isFinite(amount) && typeof unit === 'string'
}

export const encodeOwner = (id: string): Uint8Array => text.encode(id)

/** The id of the member that an owner node names. */
export const ownerOf = ({ value }: Pick<NodeEntry, 'value'>): string => Buffer.from(value).toString()
