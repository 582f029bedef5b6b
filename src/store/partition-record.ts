import { attempt } from '../base/errors.ts'
import { json } from '../codecs.ts'
import type { Stored } from '../contract/engine.ts'
import { quoteKey } from '../contract/keys.ts'
import type { PartitionState } from '../contract/owned-partition.ts'

/** What the node of a partition holds. */
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

/** What a partition's node holds, or what it is taken for where there is none. */
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
