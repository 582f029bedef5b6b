import { KVError } from '../base/errors.ts'
import type { Codec } from './codec.ts'
import { isMarked, MARK_BYTES, markOf } from './mark.ts'

/** A codec of values whose form has changed: writes the newest version, and reads all versions. */
export interface VersionedCodec<V> extends Codec<V> {
  /** The newest version; the first is 1. */
  readonly version: number
  /**
   * Adds the next version.
   *
   * @param codec encodes the values of this version
   * @param migrate converts a value of the previous version; must be pure and fast, since it runs at each read of an
   * old value
   */
  next<N>(codec: Codec<N>, migrate: (value: V) => NoInfer<N>): VersionedCodec<N>
}

const MARK = markOf('v')
const HEAD_BYTES = MARK_BYTES + 2

/** The largest number of two bytes. */
const MOST_VERSIONS = 65_535

interface Older<V> {
  decode(content: Uint8Array, key: string, version: number): V
  prepare(content: Uint8Array, key: string, version: number): Promise<unknown> | undefined
}

/** A version of the values, with the earlier ones. */
class Version<V> implements VersionedCodec<V> {
  readonly version: number
  readonly beside: Codec<Uint8Array> | undefined
  readonly freeze?: (value: V) => V
  readonly #codec: Codec<V>
  /** Reads values of the earlier versions, converted to this one. */
  readonly #before: Older<V> | undefined
  readonly #head: Buffer

  constructor(codec: Codec<V>, version: number, before: Older<V> | undefined) {
    if (typeof codec?.encode !== 'function' || typeof codec.decode !== 'function') {
      throw new KVError('INVALID_ARGUMENT', 'a version needs a codec: an object with `encode` and `decode`')
    }
    if (version > MOST_VERSIONS) {
      throw new KVError('INVALID_ARGUMENT', `there can be ${MOST_VERSIONS} versions, this is one more`)
    }
    this.version = version
    this.beside = codec.beside
    if (codec.freeze !== undefined) this.freeze = value => codec.freeze!(value)
    this.#codec = codec
    this.#before = before
    this.#head = Buffer.concat([MARK, Buffer.from([version >> 8, version & 0xff])])
  }

  next<N>(codec: Codec<N>, migrate: (value: V) => NoInfer<N>): VersionedCodec<N> {
    if (typeof migrate !== 'function') {
      throw new KVError('INVALID_ARGUMENT', '`migrate` must be a function of a value of the version before')
    }
    return new Version(codec, this.version + 1, {
      decode: (content, key, version) => migrate(this.#decode(content, key, version)),
      prepare: (content, key, version) => this.#prepare(content, key, version),
    })
  }

  encode(value: V, key: string): Uint8Array {
    const bytes = this.#codec.encode(value, key)
    // The first version has no mark, unless its bytes would look like another version.
    if (this.version === 1 && !isMarked(bytes, 'v')) return bytes
    return Buffer.concat([this.#head, bytes])
  }

  decode(bytes: Uint8Array, key: string): V {
    const version = versionOf(bytes)
    if (version > this.version || version === 0) {
      throw new KVError(
        'CODEC',
        `the value of ${JSON.stringify(key)} is of version ${version}, and this program knows versions up to ${this.version}`,
        { key },
      )
    }
    return this.#decode(contentOf(bytes), key, version)
  }

  isCurrent(bytes: Uint8Array, key: string): boolean {
    if (versionOf(bytes) !== this.version) return false
    return this.#codec.isCurrent?.(contentOf(bytes), key) ?? true
  }

  prepare(bytes: Uint8Array, key: string): Promise<unknown> | undefined {
    return this.#prepare(contentOf(bytes), key, versionOf(bytes))
  }

  #decode(content: Uint8Array, key: string, version: number): V {
    if (version === this.version) return this.#codec.decode(content, key)
    return this.#before!.decode(content, key, version)
  }

  #prepare(content: Uint8Array, key: string, version: number): Promise<unknown> | undefined {
    if (version === this.version) return this.#codec.prepare?.(content, key)
    return version > this.version ? undefined : this.#before?.prepare(content, key, version)
  }
}

/** The version of bytes; those without a mark have the first. */
const versionOf = (bytes: Uint8Array): number =>
  isMarked(bytes, 'v') ? ((bytes[MARK_BYTES] ?? 0) << 8) | (bytes[MARK_BYTES + 1] ?? 0) : 1

const contentOf = (bytes: Uint8Array): Uint8Array =>
  isMarked(bytes, 'v') ? bytes.subarray(HEAD_BYTES) : bytes

/**
 * Lets the form of values change while old ones are still stored: each version has its codec, and converts values of
 * the previous version. Old values are read as new ones, and stored in the newest version when they are next written,
 * or by `rotate$`. Values of a newer program fail with `CODEC`, naming both versions.
 *
 * Values of the first version are stored as its codec makes them, so that the values of a store without versions are of
 * the first; later ones have six bytes in front. Combine it with `encrypted` as `encrypted(versioned(…), …)`.
 *
 * @example
 * ```ts
 * import { json, versioned } from 'rxkeeper'
 *
 * const users = versioned(json<{ name: string }>())
 *   .next(json<{ names: string[] }>(), ({ name }) => ({ names: name.split(' ') }))
 *   .next(json<{ names: string[]; visits: number }>(), user => ({ ...user, visits: 0 }))
 * console.log(users.version, users.decode(json().encode({ name: 'Ada King' }), 'ada').names) // 3 [ 'Ada', 'King' ]
 * ```
 */
export const versioned = <V>(codec: Codec<V>): VersionedCodec<V> => new Version(codec, 1, undefined)
