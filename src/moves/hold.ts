import { firstValueFrom } from 'rxjs'
import type { KVError } from '../base/errors.ts'
import { GroupTree, groupOf, holdOf } from '../groups/tree.ts'
import type { Side } from './side.ts'

/** For how many rounds members work on, at first and at most, after they have let go without having come to an end. */
const FIRST_ROUNDS = 10
const MOST_ROUNDS = 100

/**
 * Asks the members of all groups of a store to finish what they have begun, and to let their partitions go, so that their
 * positions come to where everything up to them is done. What a member that was killed has left can only be finished by who
 * takes its partitions over: where nobody has any, and something is left, they are let work on for a while, and asked again.
 *
 * Whoever asks is heard as long as the session of this side lasts.
 */
export class Hold {
  readonly #side: Side
  readonly #by: string
  /** The groups that are asked, with the node that asks them. */
  readonly #asked = new Map<string, string>()
  #rounds = FIRST_ROUNDS
  /** How many rounds members may work on. */
  #left = 0

  /** @param by a unique name of the requester */
  constructor(side: Side, by: string) {
    this.#side = side
    this.#by = by
  }

  /** Does what is next; called again and again, as long as something is left to finish. */
  async round(): Promise<void> {
    // Without sessions there are no groups.
    if (this.#part.nodes === undefined || this.#left-- > 0) return
    if (this.#asked.size === 0 || (await this.#isOwned())) await this.#ask()
    else await this.#allow()
  }

  /** Members and owners are in the first. */
  get #part(): Side['parts'][number] {
    return this.#side.parts[0]!
  }

  async #ask(): Promise<void> {
    this.#left = 0
    for (const { key } of await this.#side.nodes(this.#part)) {
      const group = groupOf(key)
      if (group === undefined || this.#asked.has(group)) continue
      const { node, value } = holdOf(new GroupTree(group), this.#by)
      try {
        await this.#side.commit(this.#part, [
          { type: 'put', key: node, value, ifVersion: 'absent', ephemeral: true },
        ])
      } catch (error) {
        // Created by a request whose answer was lost.
        if ((error as KVError).code !== 'VERSION_CONFLICT') throw error
      }
      this.#asked.set(group, node)
    }
  }

  async #allow(): Promise<void> {
    for (const [group, key] of this.#asked) {
      await this.#side.commit(this.#part, [{ type: 'delete', key }])
      this.#asked.delete(group)
    }
    this.#left = this.#rounds
    this.#rounds = Math.min(2 * this.#rounds, MOST_ROUNDS)
  }

  async #isOwned(): Promise<boolean> {
    for (const group of this.#asked.keys()) {
      const owners = await firstValueFrom(this.#part.nodes!.children(new GroupTree(group).owners))
      if (owners.length > 0) return true
    }
    return false
  }
}
