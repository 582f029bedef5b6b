import { wholeNumber } from '../base/arguments.ts'
import { attempt, KVError } from '../base/errors.ts'
import type { Codec } from '../codecs.ts'
import { isVersion } from '../contract/conditions.ts'
import type { EngineLimits, ExpectedVersion, Write } from '../contract/engine.ts'
import { checkKey, quoteKey } from '../contract/keys.ts'
import { isNodeKey } from '../contract/nodes.ts'
import { expiryOf, type Header, headerOf, withHeader, withoutHeader } from './header.ts'
import type { BytesPut, Mutation } from './kv-store.ts'

/** A value with its header. */
export interface Headed<V> {
  readonly value: V
  readonly header: Header | undefined
}

/** Validates arguments before anything is sent, and encodes and decodes values. */
export class Encoding<V> {
  readonly #codec: Codec<V>
  readonly #limits: EngineLimits
  readonly #date: () => number

  /** @param date the time, in milliseconds since 1970 */
  constructor(codec: Codec<V>, limits: EngineLimits, date: () => number = Date.now) {
    if (typeof codec?.encode !== 'function' || typeof codec.decode !== 'function') {
      throw new KVError('INVALID_ARGUMENT', '`value` must be a codec: an object with `encode` and `decode`')
    }
    this.#codec = codec
    this.#limits = limits
    this.#date = date
  }

  /** A field, not a method, because it is passed around. */
  readonly decode = (key: string, value: Uint8Array): V => {
    try {
      return this.#codec.decode(withoutHeader(value), key)
    } catch (error) {
      throw KVError.from(error, 'CODEC', `the value of ${quoteKey(key)} could not be decoded`, key)
    }
  }

  /** Decodes a value that several readers may share; `undefined` if the codec cannot freeze. */
  get decodeShared(): ((key: string, value: Uint8Array) => V) | undefined {
    const codec = this.#codec
    if (codec.freeze === undefined) return undefined
    return (key, bytes) => {
      const value = this.decode(key, bytes)
      try {
        return codec.freeze!(value)
      } catch (error) {
        throw KVError.from(error, 'CODEC', `the value of ${quoteKey(key)} could not be frozen`, key)
      }
    }
  }

  /** Whether a stored value is in the form in which it would be written now. */
  isCurrent(key: string, bytes: Uint8Array): boolean {
    return attempt('CODEC', `the value of ${quoteKey(key)} could not be looked at`, key, () => {
      return this.#codec.isCurrent?.(withoutHeader(bytes), key) ?? true
    })
  }

  /** Starts to load what is missing to decode the value of a key, or a node; `undefined` if nothing is. */
  prepare(key: string, bytes: Uint8Array): Promise<unknown> | undefined {
    if (isNodeKey(key)) return this.#codec.beside?.prepare?.(bytes, key)
    return this.#codec.prepare?.(withoutHeader(bytes), key)
  }

  /** Whether the codec ever has to load anything. */
  get prepares(): boolean {
    return this.#codec.prepare !== undefined || this.#codec.beside?.prepare !== undefined
  }

  /** The codec for values inside nodes beside the keys, such as journals; `undefined` for none. */
  get beside(): Codec<Uint8Array> | undefined {
    return this.#codec.beside
  }

  /** Whether a value has expired, and so reads as absent. */
  isExpired(bytes: Uint8Array): boolean {
    const expiry = expiryOf(bytes)
    return expiry !== Number.POSITIVE_INFINITY && expiry <= this.#date()
  }

  /** The header of a value that expires after this many milliseconds; none if it does not expire. */
  expiring(expireAfter: number | undefined): Header | undefined {
    if (expireAfter === undefined) return undefined
    return { expires: this.#date() + wholeNumber('expireAfter', expireAfter, 1, Number.MAX_SAFE_INTEGER) }
  }

  /** The encoding of values with their headers. */
  get headed(): Encoding<Headed<V>> {
    return new HeadedEncoding(this, this.#codec, this.#limits)
  }

  checkKey(key: string): void {
    checkKey(key, this.#limits.keyBytes)
  }

  write(mutation: Mutation<V> | BytesPut): Write {
    switch (mutation?.type) {
      case 'put':
        if ('bytes' in mutation) return this.putBytes(mutation.key, mutation.bytes, mutation.ifVersion)
        return this.put(mutation.key, mutation.value, mutation.ifVersion, this.expiring(mutation.expireAfter))
      case 'delete':
        return this.delete(mutation.key, mutation.ifVersion)
      case 'check':
        this.checkKey(mutation.key)
        checkExpected(mutation.ifVersion, true)
        return { type: 'check', key: mutation.key, ifVersion: mutation.ifVersion }
      default:
        throw new KVError(
          'INVALID_ARGUMENT',
          `a write is a put, a delete or a check, got ${String((mutation as { type?: unknown } | undefined)?.type)}`,
        )
    }
  }

  put(key: string, value: V, ifVersion: ExpectedVersion | undefined, header?: Header | undefined): Write {
    this.checkKey(key)
    if (value === undefined) {
      throw new KVError(
        'INVALID_ARGUMENT',
        `the value of ${quoteKey(key)} is undefined, which means absent; delete the key instead`,
        { key },
      )
    }
    let encoded: Uint8Array
    try {
      encoded = this.#codec.encode(value, key)
    } catch (error) {
      throw KVError.from(error, 'CODEC', `the value of ${quoteKey(key)} could not be encoded`, key)
    }
    if (!(encoded instanceof Uint8Array)) {
      throw new KVError('CODEC', `the codec made no bytes of the value of ${quoteKey(key)}`, { key })
    }
    return this.#fitting(key, withHeader(header, encoded), ifVersion)
  }

  putBytes(key: string, value: Uint8Array, ifVersion: ExpectedVersion | undefined): Write {
    this.checkKey(key)
    if (!(value instanceof Uint8Array)) {
      throw new KVError('INVALID_ARGUMENT', `\`bytes\` of ${quoteKey(key)} must be a Uint8Array`, { key })
    }
    return this.#fitting(key, value, ifVersion)
  }

  /** The put of a value that has its bytes, under a key that was checked. */
  #fitting(key: string, value: Uint8Array, ifVersion: ExpectedVersion | undefined): Write {
    if (ifVersion !== undefined) checkExpected(ifVersion, true)
    const limit = this.#limits.valueBytes(key)
    if (value.byteLength > limit) {
      throw new KVError(
        'VALUE_TOO_LARGE',
        `the value of ${quoteKey(key)} has ${value.byteLength} bytes, the limit is ${limit}`,
        { key },
      )
    }
    return { type: 'put', key, value, ifVersion }
  }

  delete(key: string, ifVersion: number | undefined): Write {
    this.checkKey(key)
    if (ifVersion !== undefined) checkExpected(ifVersion, false)
    return { type: 'delete', key, ifVersion }
  }

  /** The share of a write in the engine's `batchBytes`. */
  sizeOf(write: Write): number {
    const value = write.type === 'put' ? write.value.byteLength : 0
    return Buffer.byteLength(write.key) + value + this.#limits.overheadBytes
  }

  /** The size of a transaction; throws if it is too large. */
  sizeOfAll(writes: readonly Write[]): number {
    let bytes = 0
    for (const write of writes) bytes += this.sizeOf(write)
    const { batchBytes } = this.#limits
    if (bytes <= batchBytes) return bytes
    throw new KVError(
      'VALUE_TOO_LARGE',
      `a transaction of ${writes.length} writes has ${bytes} bytes, the limit is ${batchBytes}`,
    )
  }
}

class HeadedEncoding<V> extends Encoding<Headed<V>> {
  readonly #values: Encoding<V>

  constructor(values: Encoding<V>, codec: Codec<V>, limits: EngineLimits) {
    super(codec as unknown as Codec<Headed<V>>, limits)
    this.#values = values
  }

  override readonly decode = (key: string, bytes: Uint8Array): Headed<V> => {
    const value = this.#values.decode(key, bytes)
    return { value, header: headerOf(bytes) }
  }

  /** A reader of headers checks that itself. */
  override isExpired(): boolean {
    return false
  }

  override put(key: string, headed: Headed<V>, ifVersion: ExpectedVersion | undefined): Write {
    return this.#values.put(key, headed.value, ifVersion, headed.header)
  }
}

function checkExpected(version: unknown, orAbsent: boolean): void {
  if (orAbsent && version === 'absent') return
  if (isVersion(version)) return
  throw new KVError(
    'INVALID_ARGUMENT',
    `\`ifVersion\` must be a version${orAbsent ? " or 'absent'" : ''}, got ${String(version)}`,
  )
}
