import type { ShownValue } from './wire.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The text of these bytes; `undefined` where they are not text. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/**
 * The part of a value that is needed to show `limit` characters of it, so that large values cost no more than small
 * ones.
 */
export const headOf = (value: Uint8Array, limit: number): Uint8Array => value.subarray(0, limit * 4)

/**
 * A value as the page shows it, at most `limit` characters of it.
 * @param bytes the size of the whole value, if only its head is given
 */
export function shownValue(value: Uint8Array, limit: number, bytes: number = value.length): ShownValue {
  const head = headOf(value, limit)
  const whole = head.length === bytes
  const text = textOf(head) ?? (whole ? undefined : textOf(withoutPartialCharacter(head)))
  if (text === undefined) {
    const start = value.subarray(0, limit >> 1)
    return { kind: 'bytes', text: Buffer.from(start).toString('hex'), cut: start.length < bytes, bytes }
  }
  const cut = !whole || text.length > limit
  return {
    kind: whole && isJson(text) ? 'json' : 'text',
    text: cut ? text.slice(0, limit) : text,
    cut,
    bytes,
  }
}

/** Cuts off an incomplete character at the end. */
function withoutPartialCharacter(bytes: Uint8Array): Uint8Array {
  let end = bytes.length
  // Continuation bytes are 10xxxxxx; a character has at most three.
  while (end > 0 && bytes.length - end < 3 && (bytes[end - 1]! & 0xc0) === 0x80) end--
  return bytes.subarray(0, Math.max(0, end - 1))
}
