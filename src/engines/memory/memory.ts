import type { KVError } from '../../base/errors.ts'
import { holds, nextVersion, versionConflict } from '../../contract/conditions.ts'
import type { Stored, Write, Written } from '../../contract/engine.ts'
import { isNodeKey, parentOf, ROOT } from '../../contract/nodes.ts'

const NOTHING = new Uint8Array(0)
const NONE: ReadonlySet<string> = new Set()

/**
 * The data of memory stores. Several stores with the same one share their data, as processes share an ensemble.
 *
 * @example
 * ```ts
 * import { firstValueFrom } from 'rxjs'
 * import { Memory, memoryStore, text } from 'rxkeeper'
 *
 * const memory = new Memory()
 * const one = memoryStore({ value: text, memory })
 * const other = memoryStore({ value: text, memory })
 * await firstValueFrom(one.put$('alice', 'here'))
 * console.log(await firstValueFrom(other.get$('alice'))) // here
 * ```
 */
export class Memory {
  /** @internal */
  readonly entries: Map<string, Stored> = new Map()
  /**
   * The nodes beside the keys, by their addresses.
   * @internal
   */
  readonly nodes: Map<string, StoredNode> = new Map()
  /** @internal */
  readonly watchers: Set<(keys: readonly string[]) => void> = new Set()
  /**
   * Called with the nodes whose children changed, and with the root if its data changed.
   * @internal
   */
  readonly nodeWatchers: Set<(parents: ReadonlySet<string>) => void> = new Set()
  #revision = 0

  /**
   * Applies one write of a session to `view`.
   * @internal
   */
  apply(write: Write, view: View, session: object): Written | KVError {
    const { key, type } = write
    const stored = view.get(key)
    const existed = stored !== undefined
    if (!holds(write.ifVersion, stored)) {
      return versionConflict(key, write.ifVersion, stored?.version ?? 'absent')
    }
    if (type === 'check') return { existed, version: -1, revision: -1 }
    const revision = ++this.#revision
    if (type === 'delete') {
      if (existed) view.set(key, undefined)
      return { existed, version: -1, revision: -1 }
    }
    const version = existed ? nextVersion(stored.version) : 0
    const { value } = write
    if (!existed && isNodeKey(key)) this.#makeFolder(parentOf(key), view, revision)
    const of = write.ephemeral ? session : stored?.session
    view.set(key, of === undefined ? { value, version, revision } : { value, version, revision, session: of })
    return { existed, version, revision }
  }

  #makeFolder(node: string, view: View, revision: number): void {
    if (node === '' || view.get(node) !== undefined) return
    this.#makeFolder(parentOf(node), view, revision)
    view.set(node, { value: NOTHING, version: 0, revision })
  }

  /**
   * Removes the ephemeral nodes of a session.
   * @internal
   */
  endSession(session: object): void {
    const gone = [...this.nodes].flatMap(([node, stored]) => (stored.session === session ? [node] : []))
    for (const node of gone) this.nodes.delete(node)
    this.signal([], new Set(gone.map(parentOf)))
  }

  /** @internal */
  signal(keys: readonly string[], parents: ReadonlySet<string> = NONE): void {
    if (keys.length > 0) for (const watcher of [...this.watchers]) watcher(keys)
    if (parents.size > 0) for (const watcher of [...this.nodeWatchers]) watcher(parents)
  }
}

/** A node beside the keys, with the session that it belongs to. */
interface StoredNode extends Stored {
  readonly session?: object | undefined
}

/** The changed keys, and the nodes whose children changed. */
export interface Changes {
  readonly keys: readonly string[]
  readonly parents: ReadonlySet<string>
}

/** Changes the keys and nodes of a memory in place, and can undo that. */
export class View {
  readonly #memory: Memory
  /** The changed keys and nodes, in order, each with its former content. */
  readonly #changed: string[] = []
  readonly #before: (StoredNode | undefined)[] = []

  constructor(memory: Memory) {
    this.#memory = memory
  }

  get(key: string): StoredNode | undefined {
    return (isNodeKey(key) ? this.#memory.nodes : this.#memory.entries).get(key)
  }

  set(key: string, stored: StoredNode | undefined): void {
    this.#changed.push(key)
    this.#before.push(this.get(key))
    this.#put(key, stored)
  }

  /** Undoes all changes. */
  undo(): void {
    for (let i = this.#changed.length - 1; i >= 0; i--) this.#put(this.#changed[i]!, this.#before[i])
  }

  get changes(): Changes {
    if (!this.#changed.some(isNodeKey)) return { keys: this.#changed, parents: NONE }
    const parents = this.#changed.flatMap((node, i) => {
      if (node === ROOT) return [ROOT]
      const cameOrWent = isNodeKey(node) && (this.#before[i] === undefined) !== (this.get(node) === undefined)
      return cameOrWent ? [parentOf(node)] : []
    })
    return { keys: this.#changed.filter(key => !isNodeKey(key)), parents: new Set(parents) }
  }

  #put(key: string, stored: StoredNode | undefined): void {
    const map: Map<string, StoredNode> = isNodeKey(key) ? this.#memory.nodes : this.#memory.entries
    if (stored === undefined) map.delete(key)
    else map.set(key, stored)
  }
}
