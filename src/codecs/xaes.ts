import { type Cipher, createCipheriv, createDecipheriv, type KeyObject, randomFillSync } from 'node:crypto'

/** The length of a nonce, of a tag and of a key, in bytes. */
export const NONCE_BYTES = 24
export const TAG_BYTES = 16
export const KEY_BYTES = 32

const BLOCK = 16
const HALF = 12
const NO_IV = Buffer.alloc(0)

/** How many nonces to generate at a time. */
const NONCES = 128

/**
 * XAES-256-GCM (https://c2sp.org/XAES-256-GCM): AES-256-GCM with a separate key per message, derived from the first
 * half of a random 192-bit nonce. With the 96-bit nonces of GCM itself, a key would be worn out after 2^32 messages,
 * which a store writes in a few hours; with these, 2^80 are safe.
 */
export class Xaes {
  /** AES of single blocks, without state between them. */
  readonly #blocks: Cipher
  readonly #k1: Buffer
  readonly #nonces = Buffer.alloc(NONCE_BYTES * NONCES)
  #next = NONCES

  constructor(key: KeyObject) {
    this.#blocks = createCipheriv('aes-256-ecb', key, NO_IV).setAutoPadding(false)
    this.#k1 = doubled(this.#blocks.update(Buffer.alloc(BLOCK)))
  }

  /** Nonce, ciphertext and tag. */
  seal(plain: Uint8Array, associated: Uint8Array, nonce: Buffer = this.#nonce()): Buffer[] {
    const cipher = createCipheriv('aes-256-gcm', this.#derived(nonce), nonce.subarray(HALF))
    cipher.setAAD(associated)
    const sealed = cipher.update(plain)
    return [nonce, sealed, cipher.final(), cipher.getAuthTag()]
  }

  /** The plaintext; `undefined` if the ciphertext or the associated data were changed. */
  open(sealed: Uint8Array, associated: Uint8Array): Buffer | undefined {
    const end = sealed.length - TAG_BYTES
    if (end < NONCE_BYTES) return undefined
    const nonce = sealed.subarray(0, NONCE_BYTES)
    const decipher = createDecipheriv('aes-256-gcm', this.#derived(nonce), nonce.subarray(HALF), {
      authTagLength: TAG_BYTES,
    })
    decipher.setAAD(associated).setAuthTag(sealed.subarray(end))
    const plain = decipher.update(sealed.subarray(NONCE_BYTES, end))
    try {
      decipher.final()
    } catch {
      return undefined
    }
    return plain
  }

  #nonce(): Buffer {
    if (this.#next === NONCES) {
      randomFillSync(this.#nonces)
      this.#next = 0
    }
    const start = NONCE_BYTES * this.#next++
    return Buffer.from(this.#nonces.subarray(start, start + NONCE_BYTES))
  }

  /** The key of a message: the CMAC construction of NIST's SP 800-108, in counter mode. */
  #derived(nonce: Uint8Array): Buffer {
    const input = Buffer.alloc(2 * BLOCK)
    for (let block = 0; block < 2; block++) {
      const at = block * BLOCK
      input[at + 1] = block + 1
      input[at + 2] = 0x58
      input.set(nonce.subarray(0, HALF), at + 4)
      for (let i = 0; i < BLOCK; i++) input[at + i]! ^= this.#k1[i]!
    }
    return this.#blocks.update(input)
  }
}

/** Doubles a number in GF(2^128), as in CMAC. */
function doubled(block: Buffer): Buffer {
  const twice = Buffer.alloc(BLOCK)
  for (let i = 0; i < BLOCK; i++) twice[i] = (block[i]! << 1) | ((block[i + 1] ?? 0) >> 7)
  if (block[0]! & 0x80) twice[BLOCK - 1]! ^= 0x87
  return twice
}
