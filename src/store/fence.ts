import { KVError } from '../base/errors.ts'
import { nextVersion, versionAfter } from '../contract/conditions.ts'
import type { Write } from '../contract/engine.ts'
import type { Fence, PartitionState } from '../contract/owned-partition.ts'
import { encodeRecord, type PartitionRecord } from './partition-record.ts'

/**
 * By how much a claim raises the version of a partition's node. It must exceed the number of commits that an owner may
 * have in flight, each of which expects the version after the previous one: otherwise a late commit of a former owner
 * could find the version that it expects, left there by the new owner.
 */
export const FENCE_STRIDE = 32

/** The writes with which a claim sets a node at this version, or an absent one. */
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
  /** The version after the last write that was sent. */
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

  /** How many commits are in flight; a failed one still counts until the next is made. */
  get underWay(): number {
    return Math.max(0, this.#written - this.#version)
  }

  get state(): PartitionState<P> {
    return this.#state
  }

  write({ position, records, taken, due }: PartitionState<P>, ifVersion: number): Write {
    const value = encodeRecord({ position, records, taken, due, owner: this.#owner })
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

/** The error for a partition that was lost. */
export const lostTo = (partition: string, reason: string, cause?: KVError): KVError =>
  new KVError('FENCED', `the partition ${JSON.stringify(partition)} is lost: ${reason}`, {
    partition,
    cause,
  })
