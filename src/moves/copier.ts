import { lastValueFrom, merge } from 'rxjs'
import type { Write } from '../contract/engine.ts'
import { parentOf } from '../contract/nodes.ts'
import type { Difference } from './compare.ts'
import type { NodeContent } from './nodes.ts'
import type { Part, Side } from './side.ts'

/** The most keys, and bytes, to write at a time. */
const BATCH_KEYS = 2048
const BATCH_BYTES = 4_194_304

/** Makes one store equal to another. */
export class Copier {
  /** How many keys were put or deleted so far. */
  copied = 0
  readonly #target: Side
  #waiting = new Map<string, Uint8Array | undefined>()
  #bytes = 0

  constructor(target: Side) {
    this.#target = target
  }

  /** Takes a key to be made equal to the left side; waits once a batch is full. */
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

  /** Makes the nodes beside the keys of a part equal to these; resolves with whether any differed. */
  async nodes(part: Part, nodes: readonly NodeContent[]): Promise<boolean> {
    const wanted = withFolders(nodes)
    const there = new Map((await this.#target.nodes(part)).map(({ key, value }) => [key, value]))
    const writes: Write[] = []
    // Children are deleted first.
    for (const key of [...there.keys()].reverse()) if (!wanted.has(key)) writes.push({ type: 'delete', key })
    for (const [key, value] of wanted) {
      const found = there.get(key)
      if (found === undefined || Buffer.compare(found, value) !== 0) writes.push({ type: 'put', key, value })
    }
    // One by one: parents must be created first, and a journal can be as large as a commit.
    for (const write of writes) await this.#target.commit(part, [write])
    return writes.length > 0
  }
}

/** The nodes with their parents, which some engines store and others do not. */
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
