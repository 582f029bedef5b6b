import { Event, Op } from './protocol.ts'
import type { Change, TreeNode } from './tree.ts'

/** The receiver of events. */
export interface Watcher {
  /** An event of `node`; ignored if the watcher is not permitted to read it. */
  notify(type: number, path: string, node: TreeNode): void
}

/** The mode of a watch: `once` for one set by a read, the others as in `addWatch`. */
type Mode = 'once' | 'persistent' | 'recursive'

const MODES: readonly Mode[] = ['persistent', 'recursive']

/** The watches of data, or of children. As in ZooKeeper 3.8, a connection has one per path: a new one replaces it. */
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

  /** The watchers of an event at a path; removes watches of mode `once`. */
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

/** The watches on one server. */
export class WatchTable {
  readonly #data = new WatchManager()
  readonly #children = new WatchManager()

  /** Adds a watch by `addWatch`. */
  add(path: string, mode: number, watcher: Watcher): void {
    for (const manager of [this.#data, this.#children]) manager.add(path, MODES[mode]!, watcher)
  }

  /** Adds a watch set by a read. */
  addOnce(type: number, path: string, watcher: Watcher): void {
    const ofChildren = type === Op.getChildren || type === Op.getChildren2
    const manager = ofChildren ? this.#children : this.#data
    manager.add(path, 'once', watcher)
  }

  /** Removes a watch; returns whether there was one. */
  remove(path: string, watcher: Watcher): boolean {
    const ofData = this.#data.remove(path, watcher)
    return this.#children.remove(path, watcher) || ofData
  }

  /** Removes all watches of a connection. */
  forget(watcher: Watcher): void {
    this.#data.forget(watcher)
    this.#children.forget(watcher)
  }

  forgetAll(): void {
    this.#data.clear()
    this.#children.clear()
  }

  /** Notifies the watchers of the changes of one write, in ZooKeeper's order. */
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
