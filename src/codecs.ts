import { bufferOf } from './bytes.ts'

/**
 * How values become bytes and back; two functions, so that msgpack or encryption is yours to bring.
 *
 * The bytes that `encode` returns are the store's from then on, and those that `decode` gets may be those of a reply or of
 * the store itself: neither is ever written to, so `decode` may keep them, but what it returns must not let its reader
 * write to them (`bytes` returns a copy).
 *
 * @example
 * ```ts
 * import { type Codec, json } from 'rxkeeper'
 *
 * const date: Codec<Date> = {
 *   encode: value => json<string>().encode(value.toISOString()),
 *   decode: bytes => new Date(json<string>().decode(bytes)),
 * }
 * console.log(date.decode(date.encode(new Date(0))).getTime()) // 0
 * ```
 */
export interface Codec<V> {
  /** The bytes of a value; what it throws fails that write with `CODEC`. */
  encode(value: V): Uint8Array
  /** The value of such bytes; what it throws fails that read with `CODEC`. */
  decode(bytes: Uint8Array): V
  /**
   * Makes a decoded value one that several may have, because none of them can change it; a store with a `cache` calls it
   * once for what it keeps. Where it is left out, each hit is decoded anew.
   */
  freeze?(value: V): V
}

/** Freezes what came of JSON, which may be nested deeper than a call stack is. */
function freezeAll<V>(value: V): V {
  const waiting: unknown[] = [value]
  while (waiting.length > 0) {
    const each = waiting.pop()
    if (typeof each !== 'object' || each === null) continue
    for (const inner of Object.values(Object.freeze(each))) waiting.push(inner)
  }
  return value
}

const jsonCodec: Codec<unknown> = {
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
export const json = <V>(): Codec<V> => jsonCodec as Codec<V>

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
export const text: Codec<string> = {
  encode(value) {
    if (typeof value !== 'string') throw new TypeError(`expected a string, got ${typeof value}`)
    if (!value.isWellFormed()) throw new TypeError('the string has a lone surrogate')
    return Buffer.from(value)
  },
  decode: bytes => bufferOf(bytes).toString(),
  freeze: value => value,
}

/**
 * Values as they are: bytes in, bytes out, copied both ways.
 *
 * @example
 * ```ts
 * import { bytes } from 'rxkeeper'
 *
 * console.log(bytes.decode(bytes.encode(new Uint8Array([1, 2]))).length) // 2
 * ```
 */
export const bytes: Codec<Uint8Array> = {
  encode(value) {
    if (!(value instanceof Uint8Array)) throw new TypeError(`expected a Uint8Array, got ${typeof value}`)
    return Buffer.from(value)
  },
  decode: value => Buffer.from(value),
}
