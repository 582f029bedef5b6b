import { firstValueFrom } from 'rxjs'
import type { Due, Engine, Scan, StoredEntry } from '../contract/engine.ts'
import { compareKeys } from '../contract/keys.ts'
import { Checksum } from './checksum.ts'

/** A key that two stores do not have in common, with what each holds; `undefined` where it is absent. */
export interface Difference {
  readonly key: string
  readonly left: Uint8Array | undefined
  readonly right: Uint8Array | undefined
}

/** What was found in a store. */
export interface Contents {
  readonly entries: number
  /** SHA-256 over all keys and values, in the order of the keys, in hexadecimal. */
  readonly checksum: string
}

/** What two stores have in common. */
export interface Comparison {
  readonly left: Contents
  readonly right: Contents
  readonly differences: number
}

/** What one side of a comparison is read by. */
export interface Readable {
  readonly engine: Engine
  due(): Due
}

/** Who hears of a comparison. */
export interface ComparisonHooks {
  /** Waited for. */
  differ(difference: Difference): Promise<void> | undefined
  /** So many entries of the left side were gone through. */
  progress(entries: number): void
  readonly signal: AbortSignal
}

/** Goes through two stores side by side, in the order of their keys, holding a page of each. */
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

/** What is at its end comes last. */
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

  /** Whether there is no more in this page, and may be in the next. */
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
