import type { KVError } from '../../errors.ts'
import type { Reader } from '../../store/access.ts'
import type { Cell } from './cells.ts'

/** Some keys that are looked up together. */
export class Lookup<V> {
  readonly changed: Set<Cell<V>> = new Set()
  readonly #isStopped: () => boolean
  readonly #done: (changed: Set<Cell<V>>) => void
  #left: number

  constructor(count: number, isStopped: () => boolean, done: (changed: Set<Cell<V>>) => void) {
    this.#left = count
    this.#isStopped = isStopped
    this.#done = done
  }

  get withdrawn(): boolean {
    return this.#isStopped()
  }

  settled(): void {
    if (--this.#left === 0) this.#done(this.changed)
  }
}

/** One of them. */
export class CellReader<V> implements Reader<V> {
  readonly #cell: Cell<V>
  readonly #lookup: Lookup<V>

  constructor(cell: Cell<V>, lookup: Lookup<V>) {
    this.#cell = cell
    this.#lookup = lookup
  }

  get withdrawn(): boolean {
    return this.#lookup.withdrawn
  }

  found(value: V | undefined, version: number): void {
    this.#settled(undefined, value, version)
  }

  failed(error: KVError): void {
    this.#settled(error, undefined, -1)
  }

  #settled(error: KVError | undefined, value: V | undefined, version: number): void {
    if (this.#cell.read(error, value, version)) this.#lookup.changed.add(this.#cell)
    this.#lookup.settled()
  }
}
