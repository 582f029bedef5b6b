/** First in, first out, both ends in constant time, whatever waits. */
export class Queue<T> {
  #items: (T | undefined)[] = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  push(item: T): void {
    this.#items.push(item)
  }

  peek(): T | undefined {
    return this.#items[this.#head]
  }

  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head++] = undefined
    // Copying the rest once the front half is empty costs each item one copy at most, on average.
    if (this.#head === this.#items.length) {
      this.#items = []
      this.#head = 0
    } else if (this.#head >= 4096 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  /** Takes out, in order, what `isOut` holds for; it must not touch the queue. */
  remove(isOut: (item: T) => boolean): T[] {
    const out: T[] = []
    const kept: T[] = []
    for (let i = this.#head; i < this.#items.length; i++) {
      const item = this.#items[i]!
      if (isOut(item)) out.push(item)
      else kept.push(item)
    }
    if (out.length === 0) return out
    this.#items = kept
    this.#head = 0
    return out
  }
}
