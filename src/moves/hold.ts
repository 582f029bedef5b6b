import type { KVError } from '../base/errors.ts'
import { GroupTree, groupOf, holdOf } from '../groups/tree.ts'
import type { Side } from './side.ts'

/**
 * Asks the members of all groups of a store to finish what they have begun, and to let their partitions go, as long as the
 * session of this side lasts: so their positions come to where everything up to them is done.
 */
export class Hold {
  readonly #side: Side
  readonly #by: string
  readonly #held = new Set<string>()

  /** @param by who asks; nobody else has this name */
  constructor(side: Side, by: string) {
    this.#side = side
    this.#by = by
  }

  /** Asks those that were not asked yet. */
  async ask(): Promise<void> {
    // Members and owners are in the first.
    const part = this.#side.parts[0]!
    // Without sessions there are no groups.
    if (part.nodes === undefined) return
    for (const { key } of await this.#side.nodes(part)) {
      const group = groupOf(key)
      if (group === undefined || this.#held.has(group)) continue
      const { node, value } = holdOf(new GroupTree(group), this.#by)
      try {
        await this.#side.commit(part, [
          { type: 'put', key: node, value, ifVersion: 'absent', ephemeral: true },
        ])
      } catch (error) {
        // Made by a request whose answer was lost.
        if ((error as KVError).code !== 'VERSION_CONFLICT') throw error
      }
      this.#held.add(group)
    }
  }
}
