/** The most slots that an empty queue keeps. */
const KEPT = 16_384

/** A first-in first-out queue; both ends take constant time. */
export class Queue<T> {
  /** Used again and again: growing anew each time was a sixth of what a record leaves to the garbage collector. */
  #ring: (T | undefined)[] = []
  #head = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  push(item: T): void {
    if (this.#length < this.#ring.length) this.#ring[this.#slot(this.#length)] = item
    else this.#extend(item)
    this.#length++
  }

  peek(): T | undefined {
    return this.#ring[this.#head]
  }

  /** The item at `index`, from the front. */
  at(index: number): T | undefined {
    return index < this.#length ? this.#ring[this.#slot(index)] : undefined
  }

  /** Puts another in the place of what waits behind `index` others. */
  replace(index: number, item: T): void {
    this.#ring[this.#slot(index)] = item
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined
    const item = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = this.#slot(1)
    if (--this.#length === 0) {
      this.#head = 0
      if (this.#ring.length > KEPT) this.#ring = []
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
    this.#ring = []
    this.#head = 0
    this.#length = 0
    for (const item of kept) this.push(item)
    return out
  }

  /** Where what waits behind `index` others is. */
  #slot(index: number): number {
    const slot = this.#head + index
    return slot < this.#ring.length ? slot : slot - this.#ring.length
  }

  /** Adds an item to a ring that is full. */
  #extend(item: T): void {
    const ring = this.#ring
    // What is only filled, and emptied later, grows as an array does.
    if (this.#head > 0) {
      this.#ring = ring.slice(this.#head).concat(ring.slice(0, this.#head), new Array<undefined>(ring.length))
      this.#ring[this.#length] = item
      this.#head = 0
    } else ring.push(item)
  }
}
