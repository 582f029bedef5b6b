import { bufferOf } from '../base/bytes.ts'
import { KVError } from '../base/errors.ts'
import { bytes as plainBytes } from './bytes.ts'
import type { Codec } from './codec.ts'
import { type Keyring, type KeyringKeys, Keys } from './keyring.ts'
import { isMarked, MARK_BYTES, markOf } from './mark.ts'

/** Options of {@link encrypted}. */
export interface EncryptedOptions {
  /**
   * How to treat unencrypted values, such as those of a store that was not encrypted until now: with `'accept'` they
   * are read, and `rotate$` encrypts them. But then anybody who can write to the servers can insert values.
   * @defaultValue 'refuse' (`CODEC`)
   */
  readonly plaintext?: 'refuse' | 'accept' | undefined
}

/** The kind of content of a ciphertext, so that one cannot be passed off as the other. */
const VALUE = 0
const BESIDE = 1

const MARK = markOf('e')

/**
 * Encrypts the bytes of another codec with AES-256-GCM, so that neither the servers, nor anybody with a copy of their
 * disks or backups, can read or change values. Each ciphertext is bound to its key: if it is copied to another key, cut
 * or changed, it fails with `CODEC`. So does one under an unknown encryption key, whose id the error names.
 *
 * A value grows by 45 bytes and the id of the encryption key. Key names, versions, and the sizes of values stay
 * visible, and an older value of the same key can be put back; src/codecs/README.md says what else is in the clear.
 * Throws `INVALID_ARGUMENT` for invalid keys.
 *
 * @example
 * ```ts
 * import { randomBytes } from 'node:crypto'
 * import { firstValueFrom } from 'rxjs'
 * import { encrypted, json, memoryStore } from 'rxkeeper'
 *
 * const keys = { k1: randomBytes(32) } // from where you keep secrets: who loses them loses the values
 * await using store = memoryStore({ value: encrypted(json<number>(), { keys, current: 'k1' }) })
 * await firstValueFrom(store.put$('alice', 1))
 * console.log(await firstValueFrom(store.get$('alice'))) // 1
 * ```
 *
 * @param codec makes the bytes to encrypt
 * @param keys the encryption keys, or a keyring of `openKeyring`
 */
export function encrypted<V>(
  codec: Codec<V>,
  keys: KeyringKeys | Keyring,
  { plaintext = 'refuse' }: EncryptedOptions = {},
): Codec<V> {
  const ring = keys instanceof Keys ? keys : Keys.of(keys as KeyringKeys)
  const accepts = plaintext === 'accept'
  const values = new EncryptedCodec(codec, ring, VALUE, accepts)
  const beside = new EncryptedCodec(codec.beside ?? plainBytes, ring, BESIDE, accepts)
  // With keys at hand, no read needs to check whether there is something to load.
  const loads = ring.loads || codec.prepare !== undefined
  // An object of functions: its secrets show up in no message and no log.
  return {
    encode: (value, key) => values.encode(value, key),
    decode: (bytes, key) => values.decode(bytes, key),
    isCurrent: (bytes, key) => values.isCurrent(bytes, key),
    ...(loads && { prepare: (bytes: Uint8Array, key: string) => values.prepare(bytes, key) }),
    ...(codec.freeze && { freeze: (value: V) => codec.freeze!(value) }),
    beside: {
      encode: (value, key) => beside.encode(value, key),
      decode: (bytes, key) => beside.decode(bytes, key),
      isCurrent: (bytes, key) => beside.isCurrent(bytes, key),
      ...(loads && { prepare: (bytes: Uint8Array, key: string) => beside.prepare(bytes, key) }),
    },
  }
}

class EncryptedCodec<V> {
  readonly #codec: Codec<V>
  readonly #keys: Keys
  readonly #use: number
  readonly #accepts: boolean
  /** The head of a ciphertext under the current key. */
  #head = { id: '', bytes: MARK }

  constructor(codec: Codec<V>, keys: Keys, use: number, accepts: boolean) {
    this.#codec = codec
    this.#keys = keys
    this.#use = use
    this.#accepts = accepts
  }

  encode(value: V, key: string): Uint8Array {
    const plain = this.#codec.encode(value, key)
    if (!(plain instanceof Uint8Array)) throw new TypeError('the codec made no bytes of it')
    const { current } = this.#keys
    if (this.#head.id !== current) this.#head = { id: current, bytes: headOf(current) }
    const { bytes } = this.#head
    return Buffer.concat([bytes, ...this.#keys.cipher(current).seal(plain, this.#bound(bytes, key))])
  }

  decode(bytes: Uint8Array, key: string): V {
    const plain = this.#open(bytes, key)
    try {
      return this.#codec.decode(plain, key)
    } catch (error) {
      if (error instanceof KVError) throw error
      // The message may contain the value (JSON's does), and end up in a log.
      const name = error instanceof Error ? error.name : typeof error
      throw new Error(
        `it was decrypted, and what it holds could not be decoded (${name}; a value is not shown)`,
      )
    }
  }

  isCurrent(bytes: Uint8Array, key: string): boolean {
    if (idOf(bytes) !== this.#keys.current) return false
    const { isCurrent } = this.#codec
    return isCurrent === undefined || isCurrent.call(this.#codec, this.#open(bytes, key), key)
  }

  prepare(bytes: Uint8Array, key: string): Promise<unknown> | undefined {
    const id = idOf(bytes)
    if (id === undefined) return undefined
    const loading = this.#keys.prepare(id)
    if (loading !== undefined || this.#codec.prepare === undefined) return loading
    let plain: Uint8Array
    try {
      plain = this.#open(bytes, key)
    } catch {
      return undefined
    }
    return this.#codec.prepare(plain, key)
  }

  #open(bytes: Uint8Array, key: string): Uint8Array {
    const id = idOf(bytes)
    if (id === undefined) {
      if (this.#accepts && !isMarked(bytes, 'e')) return bytes
      throw new Error('it is not encrypted')
    }
    const end = headLength(bytes)
    const plain = this.#keys.cipher(id).open(bytes.subarray(end), this.#bound(bytes.subarray(0, end), key))
    if (plain !== undefined) return plain
    throw new Error(
      `it is not what was encrypted for it: changed, cut, copied from another key, or another key has the id ${JSON.stringify(id)}`,
    )
  }

  /** The associated data of a ciphertext: its head, its kind of content, and the key that it is stored under. */
  #bound(head: Uint8Array, key: string): Uint8Array {
    const bound = Buffer.allocUnsafe(head.length + 1 + Buffer.byteLength(key))
    bound.set(head)
    bound[head.length] = this.#use
    bound.write(key, head.length + 1)
    return bound
  }
}

/** The mark, then the length and the id of the encryption key. */
function headOf(id: string): Buffer {
  const name = Buffer.from(id)
  return Buffer.concat([MARK, Buffer.from([name.length]), name])
}

/** The length of the head; exceeds that of the bytes if they are cut. */
const headLength = (bytes: Uint8Array): number => MARK_BYTES + 1 + (bytes[MARK_BYTES] ?? 0)

/** The id of the key of encrypted bytes; `undefined` if they are not encrypted. */
function idOf(bytes: Uint8Array): string | undefined {
  const end = headLength(bytes)
  if (!isMarked(bytes, 'e') || bytes.length < end) return undefined
  return bufferOf(bytes.subarray(MARK_BYTES + 1, end)).toString()
}
