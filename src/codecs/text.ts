import { bufferOf } from '../base/bytes.ts'
import type { KeylessCodec } from './codec.ts'

/**
 * Values as UTF-8 text; a string with a lone surrogate, which UTF-8 cannot carry, fails with `CODEC`.
 *
 * @example
 * ```ts
 * import { text } from 'rxkeeper'
 *
 * console.log(text.encode('é').length) // 2
 * ```
 */
export const text: KeylessCodec<string> = {
  encode(value) {
    if (typeof value !== 'string') throw new TypeError(`expected a string, got ${typeof value}`)
    if (!value.isWellFormed()) throw new TypeError('the string has a lone surrogate')
    return Buffer.from(value)
  },
  decode: bytes => bufferOf(bytes).toString(),
  freeze: value => value,
}
