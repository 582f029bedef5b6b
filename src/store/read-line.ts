import type { Read } from './operations.ts'

/** A read and the other reads of its key. */
export function twinsOf(first: Read): Read[] {
  const twins: Read[] = []
  for (let read: Read | undefined = first; read !== undefined; read = read.twin) twins.push(read)
  return twins
}

/**
 * The reads in line, in the order of their keys' first reads; those of one key are linked.
 *
 * The Map holds positions, not reads: a Map that grows and shrinks leaves its old tables to the garbage collector,
 * which promotes everything they still refer to.
 */
export class ReadLine {
  /** The first read of each key. */
  #reads: Read[] = []
  #head = 0
  /** The position of each key's first read, counted from the very first. */
  #places = new Map<string, number>()
  #gone = 0

  /** The number of keys in line. */
  get size(): number {
    return this.#reads.length - this.#head
  }

  /** The first read of `key`. */
  get(key: string): Read | undefined {
    const place = this.#places.get(key)
    return place === undefined ? undefined : this.#reads[place - this.#gone]
  }

  push(read: Read): void {
    const first = this.get(read.key)
    if (first === undefined) this.#places.set(read.key, this.#gone + this.#reads.push(read) - 1)
    else {
      const last = first.lastTwin ?? first
      last.twin = read
      first.lastTwin = read
    }
  }

  /** Takes the first reads of the keys in line for as long as `fits` returns true. */
  take(fits: (read: Read) => boolean): Read[] {
    let end = this.#head
    while (end < this.#reads.length && fits(this.#reads[end]!)) end++
    const taken =
      this.#head === 0 && end === this.#reads.length ? this.#reads : this.#reads.slice(this.#head, end)
    if (end === this.#reads.length) this.#restart([])
    else {
      for (const { key } of taken) this.#places.delete(key)
      this.#head = end
      // The rest is copied once more than half of the array is unused.
      if (end > 4096 && end * 2 > this.#reads.length) {
        this.#reads = this.#reads.slice(end)
        this.#gone += end
        this.#head = 0
      }
    }
    return taken
  }

  /** Removes the reads for which `isOut` holds; calls `replaced` for each key whose first read has changed. */
  remove(isOut: (read: Read) => boolean, replaced: (first: Read, by: Read | undefined) => void): Read[] {
    const out: Read[] = []
    const left: Read[] = []
    for (let i = this.#head; i < this.#reads.length; i++) {
      const first = this.#reads[i]!
      const twins = twinsOf(first)
      const kept = twins.filter(read => !isOut(read))
      if (kept.length < twins.length) {
        out.push(...twins.filter(read => !kept.includes(read)))
        chain(kept)
        if (kept[0] !== first) replaced(first, kept[0])
      }
      if (kept[0] !== undefined) left.push(kept[0])
    }
    if (out.length > 0) this.#restart(left)
    return out
  }

  #restart(reads: Read[]): void {
    this.#reads = reads
    this.#head = 0
    this.#gone = 0
    this.#places = new Map(reads.map(({ key }, place) => [key, place]))
  }
}

/** Links the reads of one key. */
function chain(reads: readonly Read[]): void {
  for (let i = 0; i < reads.length; i++) reads[i]!.twin = reads[i + 1]
  if (reads[0] !== undefined) reads[0].lastTwin = reads.at(-1)
}
