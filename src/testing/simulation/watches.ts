import { Event, Op } from './protocol.ts'
import type { Change, TreeNode } from './tree.ts'

/** Who is told of an event. */
export interface Watcher {
  /** Of `node`, which it may not be permitted to read: then it hears nothing. */
  notify(type: number, path: string, node: TreeNode): void
}

type Table = Map<string, Set<Watcher>>

function add(table: Table, path: string, watcher: Watcher): void {
  const watchers = table.get(path)
  if (watchers === undefined) table.set(path, new Set([watcher]))
  else watchers.add(watcher)
}

function remove(table: Table, path: string, watcher: Watcher): boolean {
  const watchers = table.get(path)
  if (watchers?.delete(watcher) !== true) return false
  if (watchers.size === 0) table.delete(path)
  return true
}

const PERSISTENT_RECURSIVE = 1

/** The watches that one server keeps. */
export class WatchTable {
  /** Told once, of the data of a node or of its children. */
  readonly #data: Table = new Map()
  readonly #children: Table = new Map()
  readonly #persistent: Table = new Map()
  readonly #recursive: Table = new Map()

  add(path: string, mode: number, watcher: Watcher): void {
    add(mode === PERSISTENT_RECURSIVE ? this.#recursive : this.#persistent, path, watcher)
  }

  /** A watch that a read asks for. */
  addOnce(type: number, path: string, watcher: Watcher): void {
    const ofChildren = type === Op.getChildren || type === Op.getChildren2
    add(ofChildren ? this.#children : this.#data, path, watcher)
  }

  /** Whether there was one. */
  remove(path: string, watcher: Watcher): boolean {
    const tables = [this.#data, this.#children, this.#persistent, this.#recursive]
    return tables.map(table => remove(table, path, watcher)).includes(true)
  }

  /** Forgets all of a connection. */
  forget(watcher: Watcher): void {
    for (const table of [this.#data, this.#children, this.#persistent, this.#recursive]) {
      for (const path of [...table.keys()]) remove(table, path, watcher)
    }
  }

  forgetAll(): void {
    for (const table of [this.#data, this.#children, this.#persistent, this.#recursive]) table.clear()
  }

  /** Tells whom it concerns of the changes of one write, in ZooKeeper's order. */
  tell(changes: readonly Change[]): void {
    const [change, parent] = changes
    if (change === undefined) return
    const { path, before, after } = change
    const type =
      after === undefined ? Event.deleted : before === undefined ? Event.created : Event.dataChanged
    const node = (after ?? before)!
    const told = this.#tell(type, path, node, this.#data)
    if (type === Event.deleted) this.#tell(type, path, node, this.#children, told)
    if (parent === undefined) return
    this.#tell(Event.childrenChanged, parent.path || '/', parent.after!, this.#children)
  }

  #tell(
    type: number,
    path: string,
    node: TreeNode,
    once: Table,
    told: ReadonlySet<Watcher> = new Set(),
  ): Set<Watcher> {
    const watchers = new Set([...(once.get(path) ?? []), ...(this.#persistent.get(path) ?? [])])
    once.delete(path)
    if (type !== Event.childrenChanged) {
      for (let above = path; ; above = above.slice(0, above.lastIndexOf('/'))) {
        for (const watcher of this.#recursive.get(above || '/') ?? []) watchers.add(watcher)
        if (above === '' || above === '/') break
      }
    }
    for (const watcher of watchers) if (!told.has(watcher)) watcher.notify(type, path, node)
    return watchers
  }
}
