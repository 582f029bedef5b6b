import { firstValueFrom } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { Due, Engine, Movable, Stored, StoredEntry, Write, Written } from '../contract/engine.ts'
import { nodeKey, ROOT } from '../contract/nodes.ts'
import { NOTICE, type Seal, sealOf, withSeal } from '../contract/seal.ts'
import type { KVStore } from '../store/kv-store.ts'
import { type ObservedEngine, observedOf } from '../store/observed-engine.ts'

/** The place of a store, and how to open it. */
export interface Place {
  /** A URL without credentials. */
  readonly url: string
  /** @param mover the name of the run of the move */
  open(mover: string): KVStore<Uint8Array>
}

/** An engine whose stores can be moved. */
export type Part = Engine & { readonly movable: Movable }

/** The record of the shards of a store over several engines, which each such store creates for itself. */
const LAYOUT = nodeKey('shards')

const NOTHING = new Uint8Array(0)

/** How often to retry setting a seal while others set it, too. */
const MOST_TRIES = 20

/** One side of a move: an open store, and its engines. */
export class Side implements AsyncDisposable {
  /** A URL without credentials. */
  readonly url: string
  readonly store: KVStore<Uint8Array>
  readonly engine: ObservedEngine
  readonly parts: readonly Part[]

  constructor(place: Place, mover: string) {
    this.url = place.url

    this.store = place.open(mover)
    this.engine = observedOf(this.store).engine
    try {
      this.parts = (this.engine.parts?.engines ?? [this.engine]).map(movable)
    } catch (error) {
      void this.store.close()
      throw error
    }
  }

  /** The deadline of a request that is made now. */
  due(): Due {
    const { timing, timeout } = observedOf(this.store)
    return { deadline: timing.now() + timeout }
  }

  /** The seals of all parts. */
  seals(): Promise<readonly (Seal | undefined)[]> {
    return Promise.all(this.parts.map(async part => sealOf((await this.root(part))?.value)))
  }

  /** Sets the seals of all parts, one after the other, by {@link sealPart}. */
  async seal(next: (seal: Seal | undefined) => Seal | undefined): Promise<void> {
    for (const part of this.parts) await this.sealPart(part, next)
  }

  /**
   * Sets the seal of a part to the result of `next` for the current one, unless they are equal; rejects if `next`
   * throws.
   */
  async sealPart(part: Part, next: (seal: Seal | undefined) => Seal | undefined): Promise<void> {
    for (let tries = 1; ; tries++) {
      const root = await this.root(part)
      const seal = sealOf(root?.value)
      const wanted = next(seal)
      // Our own, from a write whose answer was lost.
      if (wanted === seal || (wanted !== undefined && isSame(wanted, seal))) return
      const value = withSeal(root?.value, wanted)
      try {
        await this.commit(part, [
          { type: 'put', key: ROOT, value, ifVersion: root?.version ?? 'absent' },
          { type: 'put', key: NOTICE, value: NOTHING, ifVersion: 'absent' },
          { type: 'delete', key: NOTICE },
        ])
        return
      } catch (error) {
        const { code, key } = error as KVError
        if (code === 'VERSION_CONFLICT' && key === NOTICE) {
          throw new KVError('VERSION_CONFLICT', 'a savepoint of the store is being made', { cause: error })
        }
        if ((code !== 'VERSION_CONFLICT' && code !== 'INDETERMINATE') || tries === MOST_TRIES) throw error
      }
    }
  }

  /** Whether a part has neither keys nor nodes. */
  async isEmpty(part: Part): Promise<boolean> {
    const scan = part.keys({})
    try {
      if ((await firstValueFrom(scan.next(this.due()))).length > 0) return false
    } finally {
      scan.close()
    }
    return (await this.nodes(part)).length === 0
  }

  /** The nodes beside the keys of a part, parents first. */
  async nodes(part: Part): Promise<readonly StoredEntry[]> {
    const nodes = await firstValueFrom(part.movable.nodes(this.due()))
    return nodes.filter(({ key }) => key !== LAYOUT && !key.startsWith(`${LAYOUT}/`))
  }

  /** The nodes of all parts. */
  allNodes(): Promise<readonly (readonly StoredEntry[])[]> {
    return Promise.all(this.parts.map(part => this.nodes(part)))
  }

  /** Carries out writes in a part, all or none. */
  commit(part: Part, writes: readonly Write[]): Promise<readonly Written[]> {
    return firstValueFrom(part.commit(writes, this.due()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.store.close()
  }

  /** The content of a part's root. */
  async root(part: Part): Promise<Stored | undefined> {
    const [root] = await firstValueFrom(part.read([ROOT], this.due()))
    if (root instanceof KVError) throw root
    return root
  }
}

const isSame = (one: Seal, other: Seal | undefined): boolean =>
  one.state === other?.state && one.move === other.move && one.by === other.by && one.place === other.place

function movable(engine: ObservedEngine): Part {
  if (engine.movable !== undefined) return engine as Part
  throw new KVError(
    'UNSUPPORTED',
    `stores on the ${engine.name} engine cannot be moved: it would not refuse those who use them meanwhile`,
  )
}
