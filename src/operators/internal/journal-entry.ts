import { bufferOf } from '../../base/bytes.ts'
import { KVError, type KVErrorCode } from '../../base/errors.ts'
import type { Codec } from '../../codecs.ts'

/** What the journal says of a commit. */
export interface JournalEntry {
  readonly slot: number
  /** Its records are those of its shard that come after this place in the partition, up to that one. */
  readonly from: number
  readonly to: number
  /** How far its last record is. */
  readonly position: unknown
  /** What its keys held before, where that is needed; `undefined` is absent. */
  readonly before: ReadonlyMap<string, Uint8Array | undefined>
  /** The records that were taken out, by their place in the commit, and why. */
  readonly errors: ReadonlyMap<number, KVError>
  /** What there was beside records, and how far time had come, by their place in the commit; where keys have timers. */
  readonly turns?: readonly JournalTurn[] | undefined
}

/** When something had its turn, in milliseconds, and for which key, where it was no record; `null` is before all time. */
export type JournalTurn = readonly [now: number | null, key?: string | undefined]

/** The first line of an entry; the values follow, one behind the other. */
interface Head {
  readonly from: number
  readonly to: number
  readonly position: unknown
  /** The keys, with the length of the value of each, or -1 where it was absent. */
  readonly keys: readonly (readonly [key: string, bytes: number])[]
  readonly errors: readonly (readonly [
    index: number,
    code: KVErrorCode,
    message: string,
    key?: string | undefined,
  ])[]
  readonly turns?: readonly JournalTurn[] | undefined
}

const NEWLINE = 10

/** What a node of the journal holds for an entry. */
export function encodeEntry(
  node: string,
  { from, to, position, before, errors, turns }: Omit<JournalEntry, 'slot'>,
  beside: Codec<Uint8Array> | undefined,
): Uint8Array {
  const head: Head = {
    from,
    to,
    position,
    keys: Array.from(before, ([key, value]) => [key, value?.byteLength ?? -1]),
    errors: Array.from(errors, ([index, { code, message, key }]) => [index, code, message, key]),
    turns,
  }
  const values = [...before.values()].filter(value => value !== undefined)
  const bytes = Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), ...values])
  return beside?.encode(bytes, node) ?? bytes
}

/** The entry that a node of the journal holds. */
export function entryOf(
  node: string,
  bytes: Uint8Array,
  slot: number,
  beside: Codec<Uint8Array> | undefined,
): JournalEntry {
  const buffer = bufferOf(beside?.decode(bytes, node) ?? bytes)
  const end = buffer.indexOf(NEWLINE)
  const { from, to, position, keys, errors, turns }: Head = JSON.parse(buffer.toString('utf8', 0, end))
  const before = new Map<string, Uint8Array | undefined>()
  let at = end + 1
  for (const [key, length] of keys) {
    before.set(key, length < 0 ? undefined : buffer.subarray(at, at + length))
    at += Math.max(0, length)
  }
  return {
    slot,
    from,
    to,
    position,
    before,
    turns,
    errors: new Map(
      errors.map(([index, code, message, key]) => [
        index,
        new KVError(code, message, key === undefined ? {} : { key }),
      ]),
    ),
  }
}
