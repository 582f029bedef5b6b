import { KVError } from '../../base/errors.ts'
import { holds, nextVersion, versionConflict } from '../../contract/conditions.ts'
import type { Stored, Write, Written } from '../../contract/engine.ts'
import { isNodeKey } from '../../contract/nodes.ts'
import type { Root } from './root.ts'

/** The writes of a transaction, computed before any is made, so that a failed commit has written nothing. */
export class Draft {
  readonly #root: Root
  readonly #records = new Map<string, Stored | undefined>()
  /** The keys of the writes that change something, for watchers. */
  readonly #changed: string[] = []
  readonly #from: number
  #revision: number

  constructor(root: Root) {
    this.#root = root
    this.#from = root.revision
    this.#revision = this.#from
  }

  /** Adds one write, or returns why it cannot be carried out. */
  add(write: Write): Written | KVError {
    const { key, ifVersion } = write
    const stored = this.#records.has(key) ? this.#records.get(key) : this.#root.get(key)
    const existed = stored !== undefined
    if (!holds(ifVersion, stored)) return versionConflict(key, ifVersion, stored?.version ?? 'absent')
    if (write.type === 'check') return { existed, version: -1, revision: -1 }
    if (write.type === 'delete') {
      if (existed) {
        this.#revision++
        this.#change(key)
        this.#records.set(key, undefined)
      }
      return { existed, version: -1, revision: -1 }
    }
    const revision = ++this.#revision
    const version = existed ? nextVersion(stored.version) : 0
    this.#change(key)
    this.#records.set(key, { value: write.value, version, revision })
    return { existed, version, revision }
  }

  #change(key: string): void {
    if (!isNodeKey(key)) this.#changed.push(key)
  }

  /** Adds all writes, or throws why one cannot be carried out. */
  addAll(writes: readonly Write[]): Written[] {
    return writes.map(write => {
      const result = this.add(write)
      if (result instanceof KVError) throw result
      return result
    })
  }

  /** Makes the writes that were added. */
  put(): void {
    if (this.#records.size === 0) return
    this.#root.put(this.#records, this.#revision)
    this.#root.note({ from: this.#from, to: this.#revision, keys: this.#changed })
  }
}
