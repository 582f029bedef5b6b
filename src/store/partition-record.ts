import { attempt } from '../base/errors.ts'
import { json } from '../codecs.ts'
import type { Stored } from '../contract/engine.ts'
import { quoteKey } from '../contract/keys.ts'
import type { PartitionState } from '../contract/owned-partition.ts'

/** The content of a partition's node. */
export interface PartitionRecord<P> extends PartitionState<P> {
  /** The id of the member that set it last. */
  readonly owner: string
}

const recordCodec = json<PartitionRecord<unknown>>()

export function encodeRecord<P>(record: PartitionRecord<P>): Uint8Array {
  return attempt('INVALID_ARGUMENT', 'the position has no JSON form', undefined, () =>
    recordCodec.encode(record),
  )
}

/** The content of a partition's node, or the initial one where there is no node. */
export function recordOf<P>(node: string, stored: Pick<Stored, 'value'> | undefined): PartitionRecord<P> {
  if (stored === undefined) return { position: undefined, records: 0, owner: '' }
  return attempt('CODEC', `what ${quoteKey(node)} holds was not written by a group`, node, () => {
    const record = Object(recordCodec.decode(stored.value)) as PartitionRecord<P>
    const { position, records, taken, due, owner } = record
    return {
      position,
      records: Number.isFinite(records) ? records : 0,
      taken: Number.isFinite(taken?.records) ? taken : undefined,
      due: Number.isInteger(due?.next) ? due : undefined,
      owner: String(owner ?? ''),
    }
  })
}
