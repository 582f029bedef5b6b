/** The most slots that an empty queue keeps. */
const KEPT = 16_384

/** A first-in first-out queue; both ends take constant time. */
export class Queue<T> {
  /** Used again and again: growing anew each time was a sixth of what a record leaves to the garbage collector. */
  #ring: (T | undefined)[] = new Array(8)
  #head = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  push(item: T): void {
    if (this.#length === this.#ring.length) this.#grow()
    this.#ring[this.#slot(this.#length++)] = item
  }

  peek(): T | undefined {
    return this.#ring[this.#head]
  }

  /** The item at `index`, from the front. */
  at(index: number): T | undefined {
    return index < this.#length ? this.#ring[this.#slot(index)] : undefined
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined
    const item = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = this.#slot(1)
    if (--this.#length === 0 && this.#ring.length > KEPT) {
      this.#ring = new Array(8)
      this.#head = 0
    }
    return item
  }

  /** Removes and returns the first `count` items. */
  take(count: number): T[] {
    const taken = new Array<T>(count)
    for (let i = 0; i < count; i++) taken[i] = this.shift()!
    return taken
  }

  /** Removes and returns, in order, the items for which `isOut` holds; it must not touch the queue. */
  remove(isOut: (item: T) => boolean): T[] {
    const out: T[] = []
    const kept: T[] = []
    for (let i = 0; i < this.#length; i++) {
      const item = this.#ring[this.#slot(i)]!
      if (isOut(item)) out.push(item)
      else kept.push(item)
    }
    if (out.length === 0) return out
    this.#ring = new Array(8)
    this.#head = 0
    this.#length = 0
    for (const item of kept) this.push(item)
    return out
  }

  /** Where what waits behind `index` others is: the length of the ring is a power of two. */
  #slot(index: number): number {
    return (this.#head + index) & (this.#ring.length - 1)
  }

  #grow(): void {
    const ring = this.#ring.slice(this.#head).concat(this.#ring.slice(0, this.#head))
    ring.length *= 2
    this.#ring = ring
    this.#head = 0
  }
}
