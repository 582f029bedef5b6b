import { bufferOf } from '../base/bytes.ts'
import { KVError } from '../base/errors.ts'
import { bytes as plainBytes } from './bytes.ts'
import type { Codec } from './codec.ts'
import { type Keyring, type KeyringKeys, Keys } from './keyring.ts'
import { isMarked, MARK_BYTES, markOf } from './mark.ts'

/** Options of {@link encrypted}. */
export interface EncryptedOptions {
  /**
   * What becomes of values that are not encrypted, those of a store that was not until now: with `'accept'` they are read, and
   * `rotate$` encrypts them. Whoever can write to the servers can then leave values of his own.
   * @defaultValue 'refuse' (`CODEC`)
   */
  readonly plaintext?: 'refuse' | 'accept' | undefined
}

/** What a ciphertext is of, so that one cannot be taken for the other. */
const VALUE = 0
const BESIDE = 1

const MARK = markOf('e')

/**
 * Encrypts what another codec makes of values, with AES-256-GCM, so that neither the servers nor who copies their disks or
 * backups can read or change them. Each ciphertext is bound to its key: copied to another one, cut or changed it fails as `CODEC`,
 * and so does one under a key that is not there, whose id the error names.
 *
 * A value becomes longer by 45 bytes and the key's id. Key names, versions, and the sizes of values are seen, and
 * an older value of the same key can be put back in its place; src/codecs/README.md says what else is in the clear.
 * Throws `INVALID_ARGUMENT` for keys that are none.
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
 * @param codec makes the bytes that are encrypted
 * @param keys the keys that are at hand, or a keyring of `openKeyring`
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
  // An object of functions: what is kept in it shows in no message and no log.
  return {
    encode: (value, key) => values.encode(value, key),
    decode: (bytes, key) => values.decode(bytes, key),
    isCurrent: (bytes, key) => values.isCurrent(bytes, key),
    prepare: (bytes, key) => values.prepare(bytes, key),
    ...(codec.freeze && { freeze: (value: V) => codec.freeze!(value) }),
    beside: {
      encode: (value, key) => beside.encode(value, key),
      decode: (bytes, key) => beside.decode(bytes, key),
      isCurrent: (bytes, key) => beside.isCurrent(bytes, key),
      prepare: (bytes, key) => beside.prepare(bytes, key),
    },
  }
}

class EncryptedCodec<V> {
  readonly #codec: Codec<V>
  readonly #keys: Keys
  readonly #use: number
  readonly #accepts: boolean
  /** What a ciphertext under the current key begins with. */
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
      // Its message may well show the value (that of JSON does), and go where nobody thinks of that.
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

  /** What a ciphertext is bound to: what stands before it, what it is of, and the key that it is stored under. */
  #bound(head: Uint8Array, key: string): Uint8Array {
    const bound = Buffer.allocUnsafe(head.length + 1 + Buffer.byteLength(key))
    bound.set(head)
    bound[head.length] = this.#use
    bound.write(key, head.length + 1)
    return bound
  }
}

/** The mark, and the id of the key with its length. */
function headOf(id: string): Buffer {
  const name = Buffer.from(id)
  return Buffer.concat([MARK, Buffer.from([name.length]), name])
}

/** How long that is; longer than the bytes where they end before it. */
const headLength = (bytes: Uint8Array): number => MARK_BYTES + 1 + (bytes[MARK_BYTES] ?? 0)

/** The id of the key that bytes are encrypted under; `undefined` where they are not encrypted. */
function idOf(bytes: Uint8Array): string | undefined {
  const end = headLength(bytes)
  if (!isMarked(bytes, 'e') || bytes.length < end) return undefined
  return bufferOf(bytes.subarray(MARK_BYTES + 1, end)).toString()
}
