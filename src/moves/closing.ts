import { KVError } from '../base/errors.ts'
import { admissionOf, isOf, type Seal } from '../contract/seal.ts'
import { Hold } from './hold.ts'
import { nodesFor } from './nodes.ts'
import { Pause } from './pause.ts'
import type { Side } from './side.ts'

/**
 * Closes the old place of a move for good, but only once the positions of jobs can be moved, too; for that, jobs are
 * asked to finish what they have begun.
 */
export class Closing {
  readonly #source: Side
  readonly #target: Side
  readonly #closed: Seal
  readonly #hold: Hold
  /** The runs whose partly closed source may be opened again: this one, and earlier ones. */
  readonly #former: ReadonlySet<string>

  /** @param found the seals of the source when this run began */
  constructor(source: Side, target: Side, run: string, move: string, found: readonly (Seal | undefined)[]) {
    this.#source = source
    this.#target = target
    this.#closed = { state: 'moved', move, by: run, place: target.url }
    this.#hold = new Hold(source, run)
    this.#former = new Set([run, ...found.flatMap(seal => (isOf(move, seal, 'moved') ? [seal.by] : []))])
  }

  /** Whether other runs have closed the source, none of which can open it again. */
  async takeOver(): Promise<boolean> {
    const seals = await this.#source.seals()
    if (!seals.every(seal => isOf(this.#closed.move, seal, 'moved'))) return false
    let isClosed = true
    await this.#source.seal(seal => {
      if (isOf(this.#closed.move, seal, 'moved')) return this.#closed
      isClosed = false
      return seal
    })
    return isClosed
  }

  /** Closes the source; resolves with false if that is not possible yet. */
  async close(): Promise<boolean> {
    try {
      if (await this.takeOver()) return true
      await this.#reopen()
      if ((await this.#unsettled()) === undefined) return await this.#close()
      await this.#hold.round()
      return false
    } catch (error) {
      // A savepoint is being made, or was by a process that died and whose session has not expired yet.
      if ((error as KVError).code === 'VERSION_CONFLICT') return false
      throw error
    }
  }

  async #close(): Promise<boolean> {
    const { parts } = this.#source
    const hasSessions = parts.every(({ nodes }) => nodes !== undefined)
    if (parts.length !== this.#target.parts.length && hasSessions) return this.#closeSettled()
    await this.#source.seal(seal => {
      if (seal?.state === 'moved' && seal.move !== this.#closed.move) throw admissionOf(seal)
      return this.#closed
    })
    const unsettled = await this.#unsettled()
    if (unsettled === undefined) return true
    await this.#reopen()
    throw unsettled
  }

  /** Closes it once everything can surely be moved; until then nobody is refused. */
  async #closeSettled(): Promise<boolean> {
    const pause = new Pause(this.#source)
    await pause.begin()
    if ((await this.#unsettled()) !== undefined) {
      await pause.end()
      return false
    }
    try {
      await pause.become(this.#closed)
      return true
    } catch (error) {
      await this.#reopen()
      throw error
    }
  }

  /** Why the positions of jobs cannot be moved yet. */
  async #unsettled(): Promise<KVError | undefined> {
    try {
      nodesFor(await this.#source.allNodes(), this.#target.parts.length)
      return undefined
    } catch (error) {
      if (error instanceof KVError && error.code === 'UNSUPPORTED') return error
      throw error
    }
  }

  /** Takes away what runs have left that were killed when they were closing the source. */
  #reopen(): Promise<void> {
    return this.#source.seal(seal => {
      const isLeft = isOf(this.#closed.move, seal, 'moved') && this.#former.has(seal.by)
      return isLeft || seal?.state === 'paused' ? undefined : seal
    })
  }
}
