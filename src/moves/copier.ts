import { lastValueFrom, merge } from 'rxjs'
import type { Write } from '../contract/engine.ts'
import { parentOf } from '../contract/nodes.ts'
import type { Difference } from './compare.ts'
import type { NodeContent } from './nodes.ts'
import type { Part, Side } from './side.ts'

/** How much is written at a time: so many keys, or bytes. */
const BATCH_KEYS = 2048
const BATCH_BYTES = 4_194_304

/** Makes one store what another is. */
export class Copier {
  /** How many keys were put or deleted. */
  copied = 0
  readonly #target: Side
  #waiting = new Map<string, Uint8Array | undefined>()
  #bytes = 0

  constructor(target: Side) {
    this.#target = target
  }

  /** Takes a key that has to be as it is on the left; waits where enough is gathered. */
  take({ key, left }: Pick<Difference, 'key' | 'left'>): Promise<void> | undefined {
    this.#waiting.set(key, left)
    this.#bytes += key.length + (left?.length ?? 0)
    return this.#waiting.size >= BATCH_KEYS || this.#bytes >= BATCH_BYTES ? this.flush() : undefined
  }

  async flush(): Promise<void> {
    const waiting = this.#waiting
    if (waiting.size === 0) return
    this.#waiting = new Map()
    this.#bytes = 0
    const { store } = this.#target
    const writes = Array.from(waiting, ([key, value]) =>
      value === undefined ? store.delete$(key) : store.put$(key, value),
    )
    await lastValueFrom(merge<unknown[]>(...writes))
    this.copied += waiting.size
  }

  /** Makes the nodes beside the keys of a part what these are; whether any differed. */
  async nodes(part: Part, nodes: readonly NodeContent[]): Promise<boolean> {
    const wanted = withFolders(nodes)
    const there = new Map((await this.#target.nodes(part)).map(({ key, value }) => [key, value]))
    const writes: Write[] = []
    // What is below another goes first.
    for (const key of [...there.keys()].reverse()) if (!wanted.has(key)) writes.push({ type: 'delete', key })
    for (const [key, value] of wanted) {
      const found = there.get(key)
      if (found === undefined || Buffer.compare(found, value) !== 0) writes.push({ type: 'put', key, value })
    }
    // One by one: those that are made are each below the one before, and a journal can be as large as a commit.
    for (const write of writes) await this.#target.commit(part, [write])
    return writes.length > 0
  }
}

/** Nodes with those above them, which some engines have and others do without. */
function withFolders(nodes: readonly NodeContent[]): Map<string, Uint8Array> {
  const all = new Map<string, Uint8Array>()
  const addAbove = (node: string): void => {
    const parent = parentOf(node)
    if (parent === '' || all.has(parent)) return
    addAbove(parent)
    all.set(parent, NOTHING)
  }
  for (const { key, value } of nodes) {
    addAbove(key)
    all.set(key, value)
  }
  return all
}

const NOTHING = new Uint8Array(0)
