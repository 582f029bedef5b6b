import { KVError } from '../base/errors.ts'
import type { Write } from './engine.ts'
import { nodeKey, ROOT } from './nodes.ts'

/**
 * The record in the root of a store during a move, and afterwards. Every engine checks it in each of its transactions,
 * so that from the moment it is written, nobody whom it excludes can write anything, however long ago they last read
 * it.
 */
export interface Seal {
  /**
   * - `moved`: it is at `place` now
   * - `arriving`: it comes from `place`, and is not complete; who wants to use it waits
   * - `arrived`: it came from there, and is used by everybody
   * - `paused`: a savepoint is made of it, as long as the node {@link NOTICE} is there; who wants to write waits
   */
  readonly state: 'moved' | 'arriving' | 'arrived' | 'paused'
  /** The name of the move, the same on both sides. */
  readonly move: string
  /** The unique name of the run of the move that wrote it. */
  readonly by: string
  /** The URL of the other side, without credentials; for people, too. */
  readonly place: string
}

/**
 * A node beside the keys that comes and goes with each seal, in the same transaction: who watches it learns that there
 * is something to look at.
 */
export const NOTICE: string = nodeKey('notice')

/** Whether an ordinary client is admitted, must wait (and why), or is refused for good. */
export type Admission = 'open' | { readonly held: string } | KVError

/** Who is let in; of what is `paused`, that depends on {@link NOTICE}, too. */
export function admissionOf(seal: Seal | undefined): Admission {
  switch (seal?.state) {
    case 'moved':
      return new KVError('MOVED', `the store has been moved to ${seal.place}`, { movedTo: seal.place })
    case 'arriving':
      return { held: `the store is being moved here from ${seal.place}` }
    case 'paused':
      return { held: 'a savepoint of the store is being made' }
    default:
      return 'open'
  }
}

/** The name of a run for an engine by which it writes no keys, that of the old place: seals do not shut it out at all. */
export const ONLOOKER = ''

/** Whether this run of a move may write keys: what it has claimed, or what nobody has. */
export const mayFill = (seal: Seal | undefined, mover: string): boolean =>
  mover === ONLOOKER || seal === undefined || (seal.by === mover && seal.state === 'arriving')

/** Whether it is a seal of this move, in this state. */
export const isOf = (move: string, seal: Seal | undefined, state: Seal['state']): seal is Seal =>
  seal?.move === move && seal.state === state

/**
 * Why an engine that answers at once refuses to read, or to carry out these writes; `UNAVAILABLE` if it is temporary.
 */
export function refusalOf(
  data: Uint8Array,
  mover: string | undefined,
  writes: readonly Write[] | undefined,
): KVError | undefined {
  const seal = sealOf(data)
  if (mover === undefined) {
    const admission = admissionOf(seal)
    if (admission === 'open' || admission instanceof KVError)
      return admission === 'open' ? undefined : admission
    return new KVError('UNAVAILABLE', admission.held)
  }
  return writes?.every(isOfSeal) !== false || mayFill(seal, mover) ? undefined : takenOver()
}

/** Whether a write concerns a seal, not the store. */
export const isOfSeal = ({ key }: Write): boolean => key === ROOT || key === NOTICE

/** The error of a run of a move when another run has taken over. */
export const takenOver = (): KVError =>
  new KVError('FENCED', 'another run of this move has taken over, or finished it')

/** The seal in the data of a root. */
export function sealOf(data: Uint8Array | undefined): Seal | undefined {
  const seal = recordOf(data)?.seal
  return typeof seal === 'object' && seal !== null ? (seal as Seal) : undefined
}

/** The data of a root with this seal; throws `UNSUPPORTED` if the data are not ours. */
export function withSeal(data: Uint8Array | undefined, seal: Seal | undefined): Uint8Array {
  const record = recordOf(data)
  if (record === undefined && data !== undefined && data.length > 0) {
    throw new KVError(
      'UNSUPPORTED',
      'the root has data of somebody else, and cannot record that the store is moved',
    )
  }
  return Buffer.from(JSON.stringify({ rxkeeper: { ...record, seal } }))
}

/** Our record in the data of a root. */
export function recordOf(data: Uint8Array | undefined): Readonly<Record<string, unknown>> | undefined {
  if (data === undefined || data.length === 0) return undefined
  try {
    const record: unknown = JSON.parse(Buffer.from(data).toString()).rxkeeper
    return typeof record === 'object' && record !== null ? (record as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
