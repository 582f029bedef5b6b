import { createHash } from 'node:crypto'
import type { StoredEntry } from '../contract/engine.ts'

/** SHA-256 over keys and values in key order, each with its length: the same for the same entries on every engine. */
export class Checksum {
  readonly #hash = createHash('sha256')

  add({ key, value }: Pick<StoredEntry, 'key' | 'value'>): void {
    const bytes = Buffer.byteLength(key)
    const head = Buffer.allocUnsafe(4 + bytes + 4)
    head.writeUInt32BE(bytes)
    head.write(key, 4)
    head.writeUInt32BE(value.length, 4 + bytes)
    this.#hash.update(head).update(value)
  }

  /** The digest in hexadecimal; ends the checksum. */
  digest(): string {
    return this.#hash.digest('hex')
  }
}
