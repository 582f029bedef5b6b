import { KVError } from '../base/errors.ts'
import type { StoredEntry } from '../contract/engine.ts'
import { namesOf, parentOf } from '../contract/nodes.ts'

/** A node beside the keys, with its content. */
export type NodeContent = Pick<StoredEntry, 'key' | 'value'>

/** The position of a job. */
interface Reached {
  readonly position?: unknown
  readonly records: number
}

/** The part of a position's node that is used here. */
interface Position extends Reached {
  /** Up to where everything is done, in all ensembles; if absent, up to the position itself. */
  readonly taken?: Reached | undefined
}

/** Where jobs keep their positions: `positions/KEY`, and `groups/NAME/partitions/PARTITION`. */
function isPosition(node: string): boolean {
  const names = namesOf(node)
  return names[0] === 'positions' ? names.length === 2 : names.length === 4 && names[2] === 'partitions'
}

/**
 * What of the nodes in each ensemble of a store each of `count` others is to have. To as many they go as they are.
 * Otherwise a position is to hold for other keys than before, so everything up to it must be done, in all ensembles:
 * then it holds for each of the others, and the journal of its outputs is not needed any more. What is no position goes
 * to the first.
 *
 * Throws `UNSUPPORTED` where a position is not such.
 */
export function nodesFor(
  nodes: readonly (readonly NodeContent[])[],
  count: number,
): readonly (readonly NodeContent[])[] {
  if (nodes.length === count) return nodes
  const positions = new Set(nodes.flat().flatMap(({ key }) => (isPosition(key) ? [key] : [])))
  const common = [...positions].map(key => ({ key, value: commonPosition(nodes, key) }))
  const first = nodes[0]!.filter(({ key }) => !positions.has(key) && !positions.has(parentOf(key)))
  return Array.from({ length: count }, (_, i) => (i === 0 ? [...first, ...common] : common))
}

function commonPosition(nodes: readonly (readonly NodeContent[])[], key: string): Uint8Array {
  const states = nodes.flatMap(some => some.filter(node => node.key === key).map(positionOf))
  const done = states.map(state => state.taken ?? state).reduce((a, b) => (b.records > a.records ? b : a))
  if (states.some(({ records }) => records > done.records)) throw notSettled(key)
  const { position, records } = done
  return Buffer.from(JSON.stringify({ position, records, owner: '' }))
}

function positionOf({ key, value }: NodeContent): Position {
  try {
    return Object(JSON.parse(Buffer.from(value).toString())) as Position
  } catch (cause) {
    throw new KVError('CODEC', `what ${nameOf(key)} holds was not written by a job`, { cause })
  }
}

const notSettled = (key: string): KVError =>
  new KVError(
    'UNSUPPORTED',
    `${nameOf(key)} cannot be taken to another number of ensembles now: its job is in the middle of its work; stop the job, ` +
      'which lets it finish what it has begun',
  )

const nameOf = (key: string): string => `the position '${namesOf(key).join('/')}'`
