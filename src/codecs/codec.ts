/**
 * How values become bytes and back; two functions, so that msgpack or a format of your own is yours to bring.
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
 * console.log(date.decode(date.encode(new Date(0), 'key'), 'key').getTime()) // 0
 * ```
 */
export interface Codec<V> {
  /** The bytes of a value that is to be stored under `key`; what it throws fails that write with `CODEC`. */
  encode(value: V, key: string): Uint8Array
  /** The value of such bytes, which are stored under `key`; what it throws fails that read with `CODEC`. */
  decode(bytes: Uint8Array, key: string): V
  /**
   * Makes a decoded value one that several may have, because none of them can change it; a store with a `cache` calls it
   * once for what it keeps. Where it is left out, each hit is decoded anew.
   */
  freeze?(value: V): V
  /**
   * Whether bytes are as `encode` would make them now: under the newest key, of the newest version. `rotate$` writes what is
   * not so anew. Where it is left out, all are.
   */
  isCurrent?(bytes: Uint8Array, key: string): boolean
  /**
   * Begins to load what `decode` needs for such bytes and does not have, a key or a schema; `undefined` where it has
   * everything. A store waits for it, within the time of the operation, and reads again.
   */
  prepare?(bytes: Uint8Array, key: string): Promise<unknown> | undefined
  /**
   * How bytes that are no value, but tell of values, are kept beside the keys: journals of outputs. Where it is left out,
   * they are kept as they are.
   */
  readonly beside?: Codec<Uint8Array> | undefined
}

/**
 * A codec that makes the same of a value under every key.
 *
 * @example
 * ```ts
 * import { json, type KeylessCodec } from 'rxkeeper'
 *
 * const counts: KeylessCodec<number> = json<number>()
 * console.log(counts.decode(counts.encode(1))) // 1
 * ```
 */
export interface KeylessCodec<V> {
  /** The bytes of a value. */
  encode(value: V): Uint8Array
  /** The value of such bytes. */
  decode(bytes: Uint8Array): V
  /** As of {@link Codec}. */
  freeze?(value: V): V
}
