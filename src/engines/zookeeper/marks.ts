import type { Layout } from './paths.ts'
import { Op } from './protocol.ts'
import type { MultiOp } from './requests.ts'

/** A mark on its way: what it says, and where. */
export interface Mark {
  readonly path: string
  readonly data: Buffer
  /** Whether the node is known to exist. */
  exists: boolean
}

/**
 * Writer marks: small ephemeral nodes of this session below the root. Each conditional write sets one to a number of
 * its own in the same multi, so that after a lost connection one read tells whether the write was carried out, as long
 * as the session lives. A mark is used by one write at a time. Their names, such as `%writer-0x100-0`, are no key's.
 */
export class Marks {
  readonly #layout: Layout
  #free: Mark[] = []
  #epoch = -1
  #made = 0
  #sequence = 0
  /** Off where the server does not let us keep them. */
  enabled = true

  constructor(layout: Layout) {
    this.#layout = layout
  }

  /** A mark that no other write uses, with a number that was never used. */
  take(epoch: number, sessionId: string): Mark {
    if (epoch !== this.#epoch) {
      this.#epoch = epoch
      this.#free = []
      this.#made = 0
    }
    const data = Buffer.alloc(8)
    data.writeDoubleBE(++this.#sequence)
    const free = this.#free.pop()
    if (free !== undefined) return { path: free.path, data, exists: free.exists }
    return { path: this.#layout.pathOfForeign(`%writer-${sessionId}-${this.#made++}`), data, exists: false }
  }

  /** The write's outcome is known. */
  release(mark: Mark, epoch: number): void {
    if (epoch === this.#epoch) this.#free.push(mark)
  }
}

/** The operation that sets a mark. */
export const markOp = ({ path, data, exists }: Mark): MultiOp =>
  exists ? { type: Op.setData, path, data, version: -1 } : { type: Op.create, path, data, ephemeral: true }
