import { Event, Op } from './protocol.ts'
import type { Change, TreeNode } from './tree.ts'

/** Who is told of an event. */
export interface Watcher {
  /** Of `node`, which it may not be permitted to read: then it hears nothing. */
  notify(type: number, path: string, node: TreeNode): void
}

/** How long a watch lasts, and for what: `once` for a read's, the others as `addWatch` numbers them. */
type Mode = 'once' | 'persistent' | 'recursive'

const MODES: readonly Mode[] = ['persistent', 'recursive']

/** The watches of data, or of children. As in ZooKeeper 3.8, a connection has one on a path: another one takes its place. */
class WatchManager {
  readonly #table = new Map<string, Map<Watcher, Mode>>()

  add(path: string, mode: Mode, watcher: Watcher): void {
    const watchers = this.#table.get(path)
    if (watchers === undefined) this.#table.set(path, new Map([[watcher, mode]]))
    else watchers.set(watcher, mode)
  }

  remove(path: string, watcher: Watcher): boolean {
    const watchers = this.#table.get(path)
    if (watchers?.delete(watcher) !== true) return false
    if (watchers.size === 0) this.#table.delete(path)
    return true
  }

  forget(watcher: Watcher): void {
    for (const path of [...this.#table.keys()]) this.remove(path, watcher)
  }

  clear(): void {
    this.#table.clear()
  }

  /** Whom an event at a path concerns; what was to be told once is told. */
  concerned(type: number, path: string): Set<Watcher> {
    const watchers = new Set<Watcher>()
    for (let at = path; ; at = at.slice(0, at.lastIndexOf('/'))) {
      for (const [watcher, mode] of [...(this.#table.get(at || '/') ?? [])]) {
        if (mode === 'recursive') {
          if (type !== Event.childrenChanged) watchers.add(watcher)
        } else if (at === path) {
          watchers.add(watcher)
          if (mode === 'once') this.remove(at || '/', watcher)
        }
      }
      if (at === '' || at === '/') return watchers
    }
  }
}

/** The watches that one server keeps. */
export class WatchTable {
  readonly #data = new WatchManager()
  readonly #children = new WatchManager()

  /** What `addWatch` asks for. */
  add(path: string, mode: number, watcher: Watcher): void {
    for (const manager of [this.#data, this.#children]) manager.add(path, MODES[mode]!, watcher)
  }

  /** A watch that a read asks for. */
  addOnce(type: number, path: string, watcher: Watcher): void {
    const ofChildren = type === Op.getChildren || type === Op.getChildren2
    const manager = ofChildren ? this.#children : this.#data
    manager.add(path, 'once', watcher)
  }

  /** Whether there was one. */
  remove(path: string, watcher: Watcher): boolean {
    const ofData = this.#data.remove(path, watcher)
    return this.#children.remove(path, watcher) || ofData
  }

  /** Forgets all of a connection. */
  forget(watcher: Watcher): void {
    this.#data.forget(watcher)
    this.#children.forget(watcher)
  }

  forgetAll(): void {
    this.#data.clear()
    this.#children.clear()
  }

  /** Tells whom it concerns of the changes of one write, in ZooKeeper's order. */
  tell(changes: readonly Change[]): void {
    const [change, parent] = changes
    if (change === undefined) return
    const { path, before, after } = change
    const node = (after ?? before)!
    const type =
      after === undefined ? Event.deleted : before === undefined ? Event.created : Event.dataChanged
    const told = this.#data.concerned(type, path)
    for (const watcher of told) watcher.notify(type, path, node)
    if (type === Event.deleted) {
      for (const watcher of this.#children.concerned(type, path)) {
        if (!told.has(watcher)) watcher.notify(type, path, node)
      }
    }
    if (parent === undefined) return
    const above = parent.path || '/'
    for (const watcher of this.#children.concerned(Event.childrenChanged, above)) {
      watcher.notify(Event.childrenChanged, above, parent.after!)
    }
  }
}
