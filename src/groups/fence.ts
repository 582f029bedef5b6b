import { KVError } from '../base/errors.ts'
import { nextVersion, versionAfter } from '../contract/conditions.ts'
import type { Write } from '../contract/engine.ts'
import type { Fence, PartitionState } from '../contract/owned-partition.ts'
import { encodeRecord, type PartitionRecord } from './tree.ts'

/**
 * By how much a claim moves the version of a partition's node: by more than an owner may have commits in flight, each of
 * which expects a version one higher than the one before. Otherwise a commit of a former owner that is carried out late
 * could find the very version that it expects, one of the new owner's.
 */
export const FENCE_STRIDE = 32

/** The writes by which a claim sets a node that has this version, or is absent. */
export function strideOf(
  node: string,
  record: PartitionRecord<unknown>,
  version: number | 'absent',
): { readonly writes: Write[]; readonly version: number } {
  const value = encodeRecord(record)
  const writes: Write[] = []
  let before = version
  for (let i = 0; i < FENCE_STRIDE; i++) {
    writes.push({ type: 'put', key: node, value, ifVersion: before })
    before = before === 'absent' ? 0 : nextVersion(before)
  }
  return {
    writes,
    version: version === 'absent' ? FENCE_STRIDE - 1 : versionAfter(version, FENCE_STRIDE),
  }
}

/** The {@link Fence} of a partition that `owner` has claimed. */
export class NodeFence<P> implements Fence<P> {
  readonly node: string
  readonly #partition: string
  readonly #owner: string
  readonly #lose: (error: KVError) => void
  #version: number
  /** What the last write leaves. */
  #written: number
  #state: PartitionState<P>

  constructor(
    place: { readonly node: string; readonly partition: string; readonly owner: string },
    version: number,
    state: PartitionState<P>,
    lose: (error: KVError) => void,
  ) {
    this.node = place.node
    this.#partition = place.partition
    this.#owner = place.owner
    this.#version = version
    this.#written = version
    this.#state = state
    this.#lose = lose
  }

  get version(): number {
    return this.#version
  }

  /** How many commits are under way; of those that failed it is known when the next is made. */
  get underWay(): number {
    return Math.max(0, this.#written - this.#version)
  }

  get state(): PartitionState<P> {
    return this.#state
  }

  write({ position, records, taken }: PartitionState<P>, ifVersion: number): Write {
    const value = encodeRecord({ position, records, taken, owner: this.#owner })
    this.#written = nextVersion(ifVersion)
    return { type: 'put', key: this.node, value, ifVersion }
  }

  committed(version: number, state: PartitionState<P>): void {
    this.#version = version
    this.#state = state
  }

  fenced(cause: KVError): KVError {
    const error = lostTo(this.#partition, cause.message, cause)
    this.#lose(error)
    return error
  }
}

/** The error of a partition that is lost. */
export const lostTo = (partition: string, reason: string, cause?: KVError): KVError =>
  new KVError('FENCED', `the partition ${JSON.stringify(partition)} is lost: ${reason}`, {
    partition,
    cause,
  })
