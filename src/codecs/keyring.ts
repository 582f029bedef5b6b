import { createSecretKey, KeyObject } from 'node:crypto'
import { KVError } from '../base/errors.ts'
import { KEY_BYTES, Xaes } from './xaes.ts'

/** A key: 32 random bytes. */
export type KeyMaterial = Uint8Array | KeyObject

/** Encryption keys in memory. */
export interface KeyringKeys {
  /** The keys by id; the id is stored in the clear with each value. Values under other keys cannot be read. */
  readonly keys: Readonly<Record<string, KeyMaterial>>
  /** The id of the key for new values. */
  readonly current: string
}

/** Options of {@link openKeyring}. */
export interface KeyringOptions {
  /** The id of the key for new values. */
  readonly current: string
  /**
   * Returns the key of an id, for instance from a key management service, or `undefined` if there is none. Called once
   * per id, when a value under it is first read; after a failure again, at the earliest after five seconds.
   */
  key(id: string): KeyMaterial | undefined | PromiseLike<KeyMaterial | undefined>
}

/** A keyring, which never reveals its keys. */
export interface Keyring {
  /** The id of the key for new values. */
  readonly current: string
  /**
   * Uses another key for new values; resolves when it is loaded. Rejects with `CALLBACK` if it cannot be loaded, and
   * with `INVALID_ARGUMENT` if it is invalid.
   */
  use(id: string): Promise<void>
  /** Drops a key: values under it can no longer be read. Throws `INVALID_ARGUMENT` for the current one. */
  refuse(id: string): void
}

/** How long loading a key may take, and the pause before it is requested again, in milliseconds. */
const PATIENCE = 10_000
const RETRY = 5_000

/** How many keys are loaded at a time, and how many failures are remembered: anybody may write an id. */
const LOADING = 8
const FAILED = 100

/** The longest id, in bytes. */
const ID_BYTES = 255

interface Failure {
  readonly reason: string
  readonly at: number
}

/** The {@link Keyring} that codecs work with. */
export class Keys implements Keyring {
  #current: string
  readonly #ciphers = new Map<string, Xaes>()
  readonly #refused = new Set<string>()
  readonly #load: KeyringOptions['key'] | undefined
  readonly #loading = new Map<string, Promise<void>>()
  readonly #failed = new Map<string, Failure>()

  constructor(current: string, load?: KeyringOptions['key']) {
    checkId(current)
    this.#current = current
    this.#load = load
  }

  /** Makes a keyring of keys in memory; throws `INVALID_ARGUMENT` for an invalid one. */
  static of({ keys, current }: KeyringKeys): Keys {
    const ring = new Keys(current)
    for (const [id, key] of Object.entries(keys ?? {})) {
      checkId(id)
      ring.#ciphers.set(id, cipherOf(id, key))
    }
    // Not shown: if id and key were mixed up, it is the key.
    if (!ring.#ciphers.has(current)) throw invalid('`current` is the id of none of the `keys`')
    return ring
  }

  get current(): string {
    return this.#current
  }

  /** Whether it may get further keys. */
  get loads(): boolean {
    return this.#load !== undefined
  }

  async use(id: string): Promise<void> {
    checkId(id)
    if (this.#refused.has(id)) throw invalid(`the key ${shown(id)} was refused`)
    if (!this.#ciphers.has(id)) this.#ciphers.set(id, await this.#ask(id))
    this.#current = id
  }

  refuse(id: string): void {
    if (id === this.#current) throw invalid(`values are written under the key ${shown(id)}`)
    this.#refused.add(id)
    this.#ciphers.delete(id)
  }

  /** The cipher of a key; throws if there is none. */
  cipher(id: string): Xaes {
    const cipher = this.#ciphers.get(id)
    if (cipher !== undefined) return cipher
    throw new Error(`it is encrypted under the key ${shown(id)}, which ${this.#whyNot(id)}`)
  }

  /** Starts to load a key, unless it is loaded or cannot be; the promise does not reject. */
  prepare(id: string): Promise<void> | undefined {
    if (this.#load === undefined || this.#ciphers.has(id) || this.#refused.has(id)) return undefined
    const loading = this.#loading.get(id)
    if (loading !== undefined) return loading
    const failed = this.#failed.get(id)
    if (failed !== undefined && performance.now() - failed.at < RETRY) return undefined
    if (this.#loading.size >= LOADING) return undefined
    const begun = this.#ask(id)
      .then(
        cipher => {
          this.#failed.delete(id)
          if (!this.#refused.has(id)) this.#ciphers.set(id, cipher)
        },
        (error: Error) => this.#fail(id, error.message),
      )
      .finally(() => this.#loading.delete(id))
    this.#loading.set(id, begun)
    return begun
  }

  #whyNot(id: string): string {
    if (this.#refused.has(id)) return 'is refused'
    return this.#loading.has(id) ? 'has not come yet' : (this.#failed.get(id)?.reason ?? 'is not known')
  }

  async #ask(id: string): Promise<Xaes> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`it did not come within ${PATIENCE} ms`)), PATIENCE).unref()
    })
    let key: KeyMaterial | undefined
    try {
      key = await Promise.race([Promise.resolve(this.#load?.(id)), late])
    } catch (error) {
      throw KVError.from(error, 'CALLBACK', `the key ${shown(id)} could not be had`)
    } finally {
      clearTimeout(timer)
    }
    if (key === undefined) throw invalid(`there is no key ${shown(id)}`)
    return cipherOf(id, key)
  }

  #fail(id: string, reason: string): void {
    const [oldest] = this.#failed.keys()
    if (this.#failed.size >= FAILED && oldest !== undefined) this.#failed.delete(oldest)
    this.#failed.set(id, { reason: `cannot be used: ${reason}`, at: performance.now() })
  }
}

/**
 * Opens a keyring whose keys come from a function, for instance from a key management service; resolves when the
 * current key is loaded. Other keys are loaded when a value under them is first read: the read waits, within its
 * timeout. Rejects with `CALLBACK` if the key cannot be loaded, and with `INVALID_ARGUMENT` if it is invalid.
 *
 * @example
 * ```ts
 * import { randomBytes } from 'node:crypto'
 * import { encrypted, json, memoryStore, openKeyring } from 'rxkeeper'
 *
 * const kms: Record<string, Uint8Array> = { 'k1': randomBytes(32), 'k2': randomBytes(32) }
 * const keyring = await openKeyring({ current: 'k1', key: async id => kms[id] })
 * await using store = memoryStore({ value: encrypted(json<number>(), keyring) })
 *
 * await keyring.use('k2') // from now on values are written under k2, those under k1 are read
 * console.log(keyring.current) // k2
 * ```
 */
export async function openKeyring({ current, key }: KeyringOptions): Promise<Keyring> {
  if (typeof key !== 'function') throw invalid('`key` must be a function that gives the key of an id')
  const ring = new Keys(current, key)
  await ring.use(current)
  return ring
}

function cipherOf(id: string, key: unknown): Xaes {
  const isKey = key instanceof KeyObject && key.type === 'secret'
  // Only the size of a key is ever shown.
  const size = isKey ? key.symmetricKeySize : key instanceof Uint8Array ? key.byteLength : undefined
  if (size !== KEY_BYTES) {
    const got = size === undefined ? `a ${typeof key}` : `${size} bytes`
    throw invalid(`the key ${shown(id)} must be ${KEY_BYTES} bytes (Uint8Array or KeyObject), got ${got}`)
  }
  return new Xaes(isKey ? key : createSecretKey(key as Uint8Array))
}

function checkId(id: unknown): asserts id is string {
  if (typeof id === 'string' && id !== '' && id.isWellFormed() && Buffer.byteLength(id) <= ID_BYTES) return
  throw invalid(`the id of a key must be a string of 1 to ${ID_BYTES} bytes, got ${shown(id)}`)
}

const invalid = (message: string): KVError => new KVError('INVALID_ARGUMENT', message)

/** An id for a message; anything but a string may be the key itself. */
const shown = (id: unknown): string => (typeof id === 'string' ? JSON.stringify(id) : `a ${typeof id}`)
