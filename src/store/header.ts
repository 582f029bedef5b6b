import { bufferOf } from '../base/bytes.ts'

/** The optional header before the bytes of a value. */
export interface Header {
  /** When the value expires, in milliseconds since 1970. */
  readonly expires?: number | undefined
  /** The timers of the key: the time of each, by name. */
  readonly timers?: ReadonlyMap<string, number> | undefined
  /** The time of the hint for both, in the index of due keys. */
  readonly hint?: number | undefined
}

/** The first bytes of a value with a header: no text or JSON begins with them, because UTF-8 has no 0xff. */
const MAGIC = Buffer.from([0xff, 0x72, 0x78, 0x6b])

const EXPIRES = 1
const HINT = 2

/** The longest name of a timer, in bytes of UTF-8. */
export const MAX_TIMER_NAME = 255

const begins = (bytes: Uint8Array): boolean =>
  bytes[0] === 0xff && bytes[1] === 0x72 && bytes[2] === 0x78 && bytes[3] === 0x6b

/**
 * The stored bytes of a value: the header, if there is one, and its own bytes. A value that happens to begin like a
 * header gets an empty one, so that it is not mistaken for one.
 */
export function withHeader(header: Header | undefined, value: Uint8Array): Uint8Array {
  if (header === undefined && !begins(value)) return value
  const { expires, hint, timers } = header ?? {}
  let length = MAGIC.length + 2 + (expires === undefined ? 0 : 8) + (hint === undefined ? 0 : 8)
  if (timers !== undefined) for (const name of timers.keys()) length += 9 + Buffer.byteLength(name)
  const bytes = Buffer.allocUnsafe(length + value.byteLength)
  let at = MAGIC.copy(bytes)
  at = bytes.writeUInt8((expires === undefined ? 0 : EXPIRES) | (hint === undefined ? 0 : HINT), at)
  at = bytes.writeUInt8(timers?.size ?? 0, at)
  if (expires !== undefined) at = bytes.writeDoubleBE(expires, at)
  if (hint !== undefined) at = bytes.writeDoubleBE(hint, at)
  if (timers !== undefined) {
    for (const [name, time] of timers) {
      at = bytes.writeDoubleBE(time, at)
      const size = name === '' ? 0 : bytes.write(name, at + 1)
      at = bytes.writeUInt8(size, at) + size
    }
  }
  bytes.set(value, at)
  return bytes
}

/** The value's own bytes. */
export const withoutHeader = (bytes: Uint8Array): Uint8Array =>
  begins(bytes) ? bytes.subarray(read(bytes).length) : bytes

/** The header of stored bytes; `undefined` if they have none. */
export const headerOf = (bytes: Uint8Array): Header | undefined =>
  begins(bytes) ? read(bytes).header : undefined

/** When stored bytes expire; `Infinity` if they do not. */
export function expiryOf(bytes: Uint8Array): number {
  if (!begins(bytes) || bytes.byteLength < MAGIC.length + 10) return Number.POSITIVE_INFINITY
  if ((bytes[MAGIC.length]! & EXPIRES) === 0) return Number.POSITIVE_INFINITY
  return bufferOf(bytes).readDoubleBE(MAGIC.length + 2)
}

function read(bytes: Uint8Array): { readonly header: Header; readonly length: number } {
  const buffer = bufferOf(bytes)
  const flags = buffer.readUInt8(MAGIC.length)
  let count = buffer.readUInt8(MAGIC.length + 1)
  let at = MAGIC.length + 2
  const time = (): number => {
    at += 8
    return buffer.readDoubleBE(at - 8)
  }
  const expires = (flags & EXPIRES) === 0 ? undefined : time()
  const hint = (flags & HINT) === 0 ? undefined : time()
  const timers = count === 0 ? undefined : new Map<string, number>()
  for (; count > 0; count--) {
    const due = time()
    const length = buffer.readUInt8(at)
    timers?.set(buffer.toString('utf8', at + 1, at + 1 + length), due)
    at += 1 + length
  }
  return { header: { expires, timers, hint }, length: at }
}
