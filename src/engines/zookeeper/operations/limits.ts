import type { EngineLimits } from '../../../contract/engine.ts'
import type { KeyLayout } from '../layout/key-layout.ts'
import type { PacketLimit } from '../session/packet-limit.ts'
import { Op } from '../wire/protocol.ts'
import { COUNTED_HEADER, MULTI_HEADER, multiOpBytes, multiReadBytes } from '../wire/requests.ts'
import type { ReplySize } from './reply-size.ts'

/** Bytes reserved for a protection node besides the writes: its operation without root and access control list. */
const PROTECTION_BYTES = 80

const READ_BATCH = 512

/** The limits of the engine, such that each task is one request that the servers accept. */
export function limitsOf(
  layout: KeyLayout,
  acl: Buffer,
  packetLimit: PacketLimit,
  replySize: ReplySize,
): EngineLimits {
  const nothing = new Uint8Array(0)
  // The bytes of a put besides its value, as a create, which is longer than a set.
  const besideValue = (path: string) => multiOpBytes({ type: Op.create, path, data: nothing }, acl)
  const rootCheck = multiOpBytes({ type: Op.check, path: layout.root, version: 0 }, acl)
  const fixed = COUNTED_HEADER + MULTI_HEADER + rootCheck
  const overheadBytes = besideValue('') + layout.prefixBytes
  // Keys and values are limited by the configured size: if the servers accept less, the engine reports that itself.
  const { configured } = packetLimit
  return {
    // A byte of a key can become three in a path.
    keyBytes: Math.floor((configured - fixed - overheadBytes) / 3),
    valueBytes: key => configured - fixed - besideValue(layout.pathOf(key)),
    get readBatch() {
      return replySize.count(READ_BATCH)
    },
    get readBytes() {
      const keys = packetLimit.bytes - fixed - (READ_BATCH + 1) * (multiReadBytes('') + layout.prefixBytes)
      return Math.floor(keys / 3)
    },
    writeBatch: 256,
    get batchBytes() {
      return packetLimit.bytes - fixed - PROTECTION_BYTES - acl.length - layout.prefixBytes
    },
    overheadBytes,
    // The server syncs its log once for all waiting writes: with half as many in flight, writes are half as fast.
    inFlight: 8,
  }
}
