import type { KVError } from '../base/errors.ts'
import { commit, isPassing, letGo, type NodeContext } from './partition-nodes.ts'

/** How long to wait before something is tried again, in milliseconds. */
const PAUSE = 1000

/**
 * Deletes the nodes that a member must not leave behind, even after the member itself has gone; retries until they are
 * gone.
 */
export class Clearing {
  readonly #context: NodeContext
  readonly #nodes = new Set<string>()

  constructor(context: NodeContext) {
    this.#context = context
  }

  /** Deletes the node of a member. */
  member(id: string): void {
    const key = this.#context.tree.memberNode(id)
    this.#insist(key, end => commit(this.#context, [{ type: 'delete', key }], end))
  }

  /** Deletes the owner node of a partition, where it names `id`. */
  owner(partition: string, id: string): void {
    const node = this.#context.tree.ownerNode(partition)
    this.#insist(node, end => letGo(this.#context, partition, id, undefined, end))
  }

  #insist(node: string, work: (end: (error: KVError | undefined) => void) => void): void {
    if (this.#nodes.has(node)) return
    this.#nodes.add(node)
    const attempt = (): void =>
      work(error => {
        if (error !== undefined && isPassing(error)) this.#context.timing.after(PAUSE, attempt)
        else this.#nodes.delete(node)
      })
    attempt()
  }
}
