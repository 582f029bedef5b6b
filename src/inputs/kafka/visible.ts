import type { KafkaMessage } from 'kafkajs'

/** The part of a batch's header that kafkajs puts into each of its records. */
export interface BatchContext {
  readonly firstOffset: string
  readonly lastOffsetDelta: number
  readonly producerId: string
  readonly inTransaction: boolean
  readonly isControlBatch: boolean
}

/** A fetched record: a producer's, or a marker that a transaction was committed or aborted. */
export type FetchedMessage = KafkaMessage & {
  /** Absent in records written before Kafka 0.11. */
  readonly batchContext?: BatchContext
}

/** A fetch of a partition. */
export interface Fetched {
  /** Records before this offset are readable; later ones may belong to open transactions. */
  readonly lastStableOffset?: string
  readonly highWatermark: string
  readonly abortedTransactions?:
    | readonly { readonly producerId: string; readonly firstOffset: string }[]
    | null
  readonly messages: readonly FetchedMessage[]
}

/** The readable records of a fetch. */
export interface Visible {
  readonly messages: readonly FetchedMessage[]
  /** Where the next fetch begins. */
  readonly next: number
}

/** The marker of an aborted transaction: version and type of a control record are 16 bits each, the type is 0. */
const isAbort = ({ key }: FetchedMessage): boolean =>
  key !== null && key.length >= 4 && key.readInt16BE(2) === 0

/**
 * The producers' records from `offset` on that belong to no aborted transaction.
 *
 * Offsets have gaps: transaction markers take some, compaction removes some, even at the end of a batch. So the next
 * fetch begins after the last offset of the last batch, not of the last record.
 */
export function visible({ messages, abortedTransactions }: Fetched, offset: number): Visible {
  const aborted = [...(abortedTransactions ?? [])].sort(
    (a, b) => Number(a.firstOffset) - Number(b.firstOffset),
  )
  const undone = new Set<string>()
  const seen: FetchedMessage[] = []
  let next = offset
  for (const message of messages) {
    const at = Number(message.offset)
    const batch = message.batchContext
    const last = batch === undefined ? at : Number(batch.firstOffset) + batch.lastOffsetDelta
    while (aborted.length > 0 && Number(aborted[0]!.firstOffset) <= last) {
      undone.add(aborted.shift()!.producerId)
    }
    next = Math.max(next, last + 1)
    if (batch?.isControlBatch) {
      if (isAbort(message)) undone.delete(batch.producerId)
    } else if (at >= offset && !(batch?.inTransaction && undone.has(batch.producerId))) seen.push(message)
  }
  return { messages: seen, next }
}

/** Whether there is more to read at `offset` than was fetched. */
export const isMore = ({ lastStableOffset, highWatermark }: Fetched, offset: number): boolean =>
  Number(lastStableOffset ?? highWatermark) > offset
