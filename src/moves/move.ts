import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { firstValueFrom } from 'rxjs'
import { KVError } from '../base/errors.ts'
import { admissionOf, isOf, type Seal, takenOver } from '../contract/seal.ts'
import { Changes } from './changes.ts'
import { Closing } from './closing.ts'
import { type Comparison, type Contents, compare } from './compare.ts'
import { Copier } from './copier.ts'
import { nodesFor } from './nodes.ts'
import type { Part, Side } from './side.ts'

/** The progress of a move. */
export interface MoveProgress {
  /**
   * - `copying`: what differs is copied, while the store is used
   * - `following`: what has changed meanwhile is copied
   * - `waiting`: jobs, of which the positions could not be taken along now, are asked to finish what they have begun
   * - `closing`: nobody is let in any more
   * - `comparing`: both sides are gone through, key by key, and are the same at the end
   * - `moved`: the new place is open
   */
  readonly phase: 'copying' | 'following' | 'waiting' | 'closing' | 'comparing' | 'moved'
  /** How many entries this phase has handled. */
  readonly entries: number
  /** How many there are, if known. */
  readonly total: number | undefined
  /** How many keys were put or deleted at the new place so far. */
  readonly copied: number
  /** The content of both places, at the end. */
  readonly contents: Contents | undefined
}

/** How many changed keys to copy at a time. */
const FOLLOW_BATCH = 4096
/** With this few keys left to copy, the store is closed. */
const FEW = 512
/** The pause between two checks whether jobs have finished, in milliseconds. */
const WAITING_PAUSE = 100
/** The most passes over a closed store until both sides must be equal. */
const MOST_PASSES = 5

/**
 * One run of a move. Both sides record what it has done, so that the next run continues one that was killed at any
 * point:
 *
 *     source                     target
 *     (open)                     arriving   copied and followed; only this run may write there
 *     moved                      arriving   whoever used the source is refused; compared, what differs is copied
 *     moved                      arrived    everybody is let in
 *
 * Once another run of the same move has taken over, a run can write nothing: each claims the target with a name of its
 * own.
 */
export class Move {
  readonly #source: Side
  readonly #target: Side
  readonly #run: string
  readonly #signal: AbortSignal
  readonly #tell: (progress: MoveProgress) => void
  readonly #copier: Copier
  #total: number | undefined

  constructor(
    source: Side,
    target: Side,
    run: string,
    signal: AbortSignal,
    tell: (progress: MoveProgress) => void,
  ) {
    this.#source = source
    this.#target = target
    this.#run = run
    this.#signal = signal
    this.#tell = tell
    this.#copier = new Copier(target)
  }

  async run(): Promise<void> {
    const source = await this.#source.seals()
    const target = await this.#target.seals()
    const move = this.#moveOf(source, target)
    const isClosed = source.every(seal => seal?.state === 'moved')
    if (isClosed && target.some(seal => isOf(move, seal, 'arrived'))) {
      // It was compared, and the opened parts are in use.
      await this.#open(move, true)
      this.#progress('moved', 0)
      return
    }
    await this.#claim(move, target)
    const closing = new Closing(this.#source, this.#target, this.#run, move, source)
    if (!(isClosed && (await closing.takeOver()))) await this.#copy(closing)
    const contents = await this.#settle()
    this.#signal.throwIfAborted()
    await this.#open(move)
    this.#progress('moved', contents.entries, contents)
  }

  /** The name of the move of these seals, a new one if there are none; throws if they are of another move. */
  #moveOf(source: readonly (Seal | undefined)[], target: readonly (Seal | undefined)[]): string {
    const left = source.find(seal => seal?.state === 'moved')
    if (left !== undefined && left.place !== this.#target.url) throw admissionOf(left)
    const incomplete = source.find(seal => seal?.state === 'arriving')
    if (incomplete !== undefined) throw busy(this.#source, incomplete)
    const claimed = target.find(seal => seal !== undefined)
    if (claimed !== undefined && (claimed.state === 'moved' || claimed.place !== this.#source.url))
      throw busy(this.#target, claimed)
    if (left !== undefined && claimed !== undefined && left.move !== claimed.move)
      throw busy(this.#target, claimed)
    return (left ?? claimed)?.move ?? randomUUID()
  }

  /** Makes this run the only one that can write to the target. */
  async #claim(move: string, found: readonly (Seal | undefined)[]): Promise<void> {
    const parts = this.#target.parts.filter((_, i) => found[i] === undefined)
    // A target in use must not be sealed.
    await this.#checkEmpty(parts)
    const mine: Seal = { state: 'arriving', move, by: this.#run, place: this.#source.url }
    await this.#target.seal(seal => {
      if (seal === undefined || isOf(move, seal, 'arriving')) return mine
      throw takenOver()
    })
    try {
      // Somebody may have written just before.
      await this.#checkEmpty(parts)
    } catch (error) {
      for (const part of parts) {
        await this.#target.sealPart(part, seal => (seal?.by === this.#run ? undefined : seal))
      }
      throw error
    }
  }

  async #checkEmpty(parts: readonly Part[]): Promise<void> {
    for (const part of parts) {
      if (await this.#target.isEmpty(part)) continue
      throw new KVError(
        'INVALID_ARGUMENT',
        `${this.#target.url} is not empty; a store is moved to where there is none`,
      )
    }
  }

  /** Copies while the source is in use, until little is left; then closes it, and copies the rest. */
  async #copy(closing: Closing): Promise<void> {
    using changes = new Changes(this.#source.engine)
    let gaps: number
    do {
      await changes.armed(this.#signal)
      gaps = changes.gaps
      await this.#pass('copying')
      await this.#follow(changes)
    } while (changes.gaps !== gaps)
    for (;;) {
      this.#progress('closing', 0)
      this.#signal.throwIfAborted()
      if (await closing.close()) break
      this.#progress('waiting', 0)
      await pause(WAITING_PAUSE)
      await this.#follow(changes)
    }
    // All earlier writes were signalled before the answer.
    while (changes.size > 0) await this.#copyKeys(changes.take(FOLLOW_BATCH))
  }

  /** Copies changes until the rest no longer shrinks. */
  async #follow(changes: Changes): Promise<void> {
    let last = Number.POSITIVE_INFINITY
    while (changes.size > FEW && changes.size < last) {
      last = changes.size
      for (let left = last; left > 0; left -= FOLLOW_BATCH) {
        this.#signal.throwIfAborted()
        this.#progress('following', last - left)
        await this.#copyKeys(changes.take(Math.min(left, FOLLOW_BATCH)))
      }
    }
  }

  async #copyKeys(keys: readonly string[]): Promise<void> {
    const found = await firstValueFrom(this.#source.store.getAll$(keys))
    for (const key of keys) await this.#copier.take({ key, left: found.get(key) })
    await this.#copier.flush()
  }

  /** Compares both sides, and copies the differences. */
  async #pass(phase: 'copying' | 'comparing'): Promise<Comparison> {
    this.#progress(phase, 0)
    const comparison = await compare(this.#source, this.#target, {
      differ: difference => this.#copier.take(difference),
      progress: entries => this.#progress(phase, entries),
      signal: this.#signal,
    })
    await this.#copier.flush()
    this.#total = comparison.left.entries
    return comparison
  }

  /** Makes both sides equal, now that nobody writes to either; resolves with their content. */
  async #settle(): Promise<Contents> {
    for (let pass = 0; pass < MOST_PASSES; pass++) {
      const nodes = await this.#copyNodes()
      const { left, right, differences } = await this.#pass('comparing')
      if (!nodes && differences === 0 && left.checksum === right.checksum) return right
    }
    throw new KVError('ENGINE', 'both sides differ again and again, although nobody else may write to them')
  }

  /** Copies the nodes beside the keys; resolves with whether any differed. */
  async #copyNodes(): Promise<boolean> {
    const nodes = nodesFor(await this.#source.allNodes(), this.#target.parts.length)
    let differed = false
    for (const [i, part] of this.#target.parts.entries()) {
      if (await this.#copier.nodes(part, nodes[i]!)) differed = true
    }
    return differed
  }

  /** Opens the target, as far as it is not open yet; with `isVerified`, even if another run has claimed it. */
  async #open(move: string, isVerified = false): Promise<void> {
    const open: Seal = { state: 'arrived', move, by: this.#run, place: this.#source.url }
    await this.#target.seal(seal => {
      if (seal?.move !== move) throw takenOver()
      if (seal.state === 'arrived') return seal
      if (seal.by !== this.#run && !isVerified) throw takenOver()
      return open
    })
  }

  #progress(phase: MoveProgress['phase'], entries: number, contents?: Contents): void {
    this.#tell({ phase, entries, total: this.#total, copied: this.#copier.copied, contents })
  }
}

function busy({ url }: Side, { state, place }: Seal): KVError {
  const problem =
    state === 'moved'
      ? `what was at ${url} has been moved to ${place}, and what is left there says so; delete its root first`
      : state === 'arriving'
        ? `a store is being moved to ${url} from ${place}, which is not finished`
        : `${url} is in use: a store has been moved there from ${place}`
  return new KVError('INVALID_ARGUMENT', problem)
}
