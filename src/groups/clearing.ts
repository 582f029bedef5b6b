import type { KVError } from '../base/errors.ts'
import { commit, isPassing, letGo, type NodesRoom } from './partition-nodes.ts'

/** How long to wait before something is tried again, in milliseconds. */
const PAUSE = 1000

/**
 * Deletes the nodes that a member must not leave behind, even after the member itself has gone; retries until they are
 * gone.
 */
export class Clearing {
  readonly #room: NodesRoom
  readonly #nodes = new Set<string>()

  constructor(room: NodesRoom) {
    this.#room = room
  }

  /** Deletes the node of a member. */
  member(id: string): void {
    const key = this.#room.tree.memberNode(id)
    this.#insist(key, end => commit(this.#room, [{ type: 'delete', key }], end))
  }

  /** Deletes the owner node of a partition, where it names `id`. */
  owner(partition: string, id: string): void {
    const node = this.#room.tree.ownerNode(partition)
    this.#insist(node, end => letGo(this.#room, partition, id, undefined, end))
  }

  #insist(node: string, work: (end: (error: KVError | undefined) => void) => void): void {
    if (this.#nodes.has(node)) return
    this.#nodes.add(node)
    const attempt = (): void =>
      work(error => {
        if (error !== undefined && isPassing(error)) this.#room.timing.after(PAUSE, attempt)
        else this.#nodes.delete(node)
      })
    attempt()
  }
}
