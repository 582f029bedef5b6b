import { firstValueFrom } from 'rxjs'
import type { Due, Engine, Scan, StoredEntry } from '../contract/engine.ts'
import { compareKeys } from '../contract/keys.ts'
import { Checksum } from './checksum.ts'

/** A key with different values in two stores; `undefined` if absent. */
export interface Difference {
  readonly key: string
  readonly left: Uint8Array | undefined
  readonly right: Uint8Array | undefined
}

/** A summary of a store's content. */
export interface Contents {
  readonly entries: number
  /** SHA-256 over all keys and values, in the order of the keys, in hexadecimal. */
  readonly checksum: string
}

/** The result of a comparison. */
export interface Comparison {
  readonly left: Contents
  readonly right: Contents
  readonly differences: number
}

/** One side of a comparison. */
export interface Readable {
  readonly engine: Engine
  due(): Due
}

/** The callbacks of a comparison. */
export interface ComparisonHooks {
  /** Called for each difference, and awaited. */
  differ(difference: Difference): Promise<void> | undefined
  /** Called with the number of entries compared on the left side. */
  progress(entries: number): void
  readonly signal: AbortSignal
}

/** Compares two stores side by side, in key order, holding one page of each. */
export async function compare(left: Readable, right: Readable, hooks: ComparisonHooks): Promise<Comparison> {
  const one = new Reading(left)
  const other = new Reading(right)
  let differences = 0
  try {
    for (;;) {
      hooks.signal.throwIfAborted()
      await Promise.all([one.fill(), other.fill()])
      if (one.next === undefined && other.next === undefined) break
      while (!one.isEmpty && !other.isEmpty) {
        if (one.next === undefined && other.next === undefined) break
        const order = orderOf(one.next, other.next)
        const mine = order <= 0 ? one.take() : undefined
        const theirs = order >= 0 ? other.take() : undefined
        if (mine !== undefined && theirs !== undefined && Buffer.compare(mine.value, theirs.value) === 0)
          continue
        differences++
        await hooks.differ({ key: (mine ?? theirs)!.key, left: mine?.value, right: theirs?.value })
      }
      hooks.progress(one.entries)
    }
    return { left: one.contents(), right: other.contents(), differences }
  } finally {
    one.close()
    other.close()
  }
}

/** A side at its end comes last. */
function orderOf(one: StoredEntry | undefined, other: StoredEntry | undefined): number {
  if (one === undefined || other === undefined) return one === other ? 0 : one === undefined ? 1 : -1
  return compareKeys(one.key, other.key)
}

/** Reads the entries of an engine, page by page. */
class Reading {
  entries = 0
  readonly #readable: Readable
  readonly #scan: Scan<StoredEntry>
  readonly #checksum = new Checksum()
  #page: readonly StoredEntry[] = []
  #at = 0
  #ended = false

  constructor(readable: Readable) {
    this.#readable = readable
    this.#scan = readable.engine.entries({})
  }

  /** The next entry of this page. */
  get next(): StoredEntry | undefined {
    return this.#page[this.#at]
  }

  /** Whether this page is used up, and there may be another. */
  get isEmpty(): boolean {
    return this.#at === this.#page.length && !this.#ended
  }

  async fill(): Promise<void> {
    if (!this.isEmpty) return
    this.#page = await firstValueFrom(this.#scan.next(this.#readable.due()))
    this.#at = 0
    this.#ended = this.#page.length === 0
  }

  take(): StoredEntry {
    const entry = this.#page[this.#at++]!
    this.entries++
    this.#checksum.add(entry)
    return entry
  }

  contents(): Contents {
    return { entries: this.entries, checksum: this.#checksum.digest() }
  }

  close(): void {
    this.#scan.close()
  }
}
