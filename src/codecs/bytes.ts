import type { KeylessCodec } from './codec.ts'

/**
 * Raw bytes, copied both ways.
 *
 * @example
 * ```ts
 * import { bytes } from 'rxkeeper'
 *
 * console.log(bytes.decode(bytes.encode(new Uint8Array([1, 2]))).length) // 2
 * ```
 */
export const bytes: KeylessCodec<Uint8Array> = {
  encode(value) {
    if (!(value instanceof Uint8Array)) throw new TypeError(`expected a Uint8Array, got ${typeof value}`)
    return Buffer.from(value)
  },
  decode: value => Buffer.from(value),
}
