import type { Cell } from './cells.ts'

/** Some keys that are looked up together. */
export class Lookup<V> {
  readonly #isStopped: () => boolean
  /** Whether the bytes of what is found are to be kept. */
  readonly keepsBytes: boolean
  readonly #changed: Set<Cell<V>> | undefined
  readonly #done: () => void
  #left: number

  /** `changed` gets those of which another version is found than was known, or which cannot be read. */
  constructor(
    count: number,
    isStopped: () => boolean,
    keepsBytes: boolean,
    changed: Set<Cell<V>> | undefined,
    done: () => void,
  ) {
    this.#left = count
    this.#isStopped = isStopped
    this.keepsBytes = keepsBytes
    this.#changed = changed
    this.#done = done
  }

  get withdrawn(): boolean {
    return this.#isStopped()
  }

  settled(cell: Cell<V>, changed: boolean): void {
    if (changed) this.#changed?.add(cell)
    if (--this.#left === 0) this.#done()
  }
}
