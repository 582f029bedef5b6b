/**
 * Encodes values as bytes, and decodes them: two functions, so you can bring msgpack or a format of your own.
 *
 * The bytes that `encode` returns belong to the store, and those that `decode` gets may belong to a reply or to the
 * store. Nobody ever modifies either, so `decode` may keep them, but its result must not let the reader modify them
 * (`bytes` returns a copy).
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
  /** The bytes of a value to be stored under `key`. If it throws, the write fails with `CODEC`. */
  encode(value: V, key: string): Uint8Array
  /** The value of bytes stored under `key`. If it throws, the read fails with `CODEC`. */
  decode(bytes: Uint8Array, key: string): V
  /**
   * Makes a decoded value immutable, so that several readers can share it; a store with a `cache` calls it once per
   * cached value. Without it, each hit is decoded again.
   */
  freeze?(value: V): V
  /**
   * Whether bytes have the form that `encode` produces now: the newest key, the newest version. `rotate$` rewrites
   * others. Without it, all bytes are current.
   */
  isCurrent?(bytes: Uint8Array, key: string): boolean
  /**
   * Starts to load what `decode` is missing for these bytes, such as a key or a schema; `undefined` if nothing is
   * missing. The store waits for it, within the operation's timeout, and reads again.
   */
  prepare?(bytes: Uint8Array, key: string): Promise<unknown> | undefined
  /**
   * The codec for bytes beside the keys that contain values, such as journals of outputs. Without it, they are stored
   * unencoded.
   */
  readonly beside?: Codec<Uint8Array> | undefined
}

/**
 * A codec that ignores the key.
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
  /** The value of these bytes. */
  decode(bytes: Uint8Array): V
  /** As in {@link Codec}. */
  freeze?(value: V): V
}
