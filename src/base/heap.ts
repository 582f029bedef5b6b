/** What is due, the earliest first. */
export class Heap<T extends { readonly at: number }> {
  #items: T[] = []

  get size(): number {
    return this.#items.length
  }

  peek(): T | undefined {
    return this.#items[0]
  }

  push(item: T): void {
    const items = this.#items
    let i = items.length
    items.push(item)
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (items[parent]!.at <= item.at) break
      items[i] = items[parent]!
      i = parent
    }
    items[i] = item
  }

  pop(): T | undefined {
    const items = this.#items
    const first = items[0]
    const last = items.pop()
    if (items.length > 0) this.#sink(last!)
    return first
  }

  /** Takes out all that `isOut` holds for. */
  remove(isOut: (item: T) => boolean): T[] {
    const out = this.#items.filter(isOut)
    const kept = this.#items.filter(item => !isOut(item))
    // In order, which is a heap.
    this.#items = kept.sort((a, b) => a.at - b.at)
    return out
  }

  #sink(item: T): void {
    const items = this.#items
    const { length } = items
    let i = 0
    for (let child = 1; child < length; child = 2 * i + 1) {
      if (child + 1 < length && items[child + 1]!.at < items[child]!.at) child++
      if (items[child]!.at >= item.at) break
      items[i] = items[child]!
      i = child
    }
    items[i] = item
  }
}
