import type { KVError } from '../base/errors.ts'
import { GroupTree, groupOf, holdOf } from '../groups/tree.ts'
import type { Side } from './side.ts'

/**
 * Asks the members of all groups of a store to finish what they have begun and to release their partitions, as long as
 * the session of this side lasts: afterwards everything up to their positions is done.
 */
export class Hold {
  readonly #side: Side
  readonly #by: string
  readonly #held = new Set<string>()

  /** @param by a unique name of the requester */
  constructor(side: Side, by: string) {
    this.#side = side
    this.#by = by
  }

  /** Asks the groups that were not asked yet. */
  async ask(): Promise<void> {
    // The first part has members and owners.
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
        // Created by a request whose answer was lost.
        if ((error as KVError).code !== 'VERSION_CONFLICT') throw error
      }
      this.#held.add(group)
    }
  }
}
