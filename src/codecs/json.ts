import { bufferOf } from '../base/bytes.ts'
import type { KeylessCodec } from './codec.ts'

/** Freezes a parsed JSON value, without recursion: it may be nested deeper than the call stack. */
function freezeAll<V>(value: V): V {
  const waiting: unknown[] = [value]
  while (waiting.length > 0) {
    const each = waiting.pop()
    if (typeof each !== 'object' || each === null) continue
    for (const inner of Object.values(Object.freeze(each))) waiting.push(inner)
  }
  return value
}

const jsonCodec: KeylessCodec<unknown> = {
  encode(value) {
    const encoded = JSON.stringify(value)
    if (encoded === undefined) throw new TypeError(`${typeof value} has no JSON form`)
    return Buffer.from(encoded)
  },
  decode: bytes => JSON.parse(bufferOf(bytes).toString()),
  freeze: freezeAll,
}

/**
 * Values as JSON text.
 *
 * @example
 * ```ts
 * import { json } from 'rxkeeper'
 *
 * const codec = json<{ count: number }>()
 * console.log(codec.decode(codec.encode({ count: 1 })).count) // 1
 * ```
 */
export const json = <V>(): KeylessCodec<V> => jsonCodec as KeylessCodec<V>
