import type { RangeOptions } from 'lmdb'
import type { KeySpan, StoredEntry } from '../../contract/engine.ts'
import { inSpan, prefixEnd } from '../../contract/keys.ts'
import { HEADER_BYTES, type Root, stored } from './root.ts'

/** A page ends once it has this many entries or bytes. */
const PAGE_ENTRIES = 1024
const PAGE_BYTES = 1_048_576

/** Reads a span page by page; each page begins after the last key of the previous one, and sees the latest commits. */
export class Cursor {
  readonly #root: Root
  readonly #span: KeySpan
  /** Whether a bound exceeds the longest key and was cut, so that keys near it must be compared one by one. */
  readonly #inexact: boolean
  readonly #low: string
  readonly #high: string
  #last: string | undefined
  #ended = false

  constructor(root: Root, span: KeySpan) {
    const from = cut(span.from ?? '', root.keyBytes)
    const to = span.to === undefined ? undefined : cut(span.to, root.keyBytes)
    this.#root = root
    this.#span = span
    this.#inexact = from !== (span.from ?? '') || to !== span.to
    this.#low = root.prefix + from
    const high = to === undefined || to === span.to ? to : prefixEnd(to)
    this.#high = high === undefined ? root.end : root.prefix + high
  }

  entries(): StoredEntry[] {
    const page: StoredEntry[] = []
    let bytes = 0
    if (this.#ended) return page
    for (const { key: place, value: record } of this.#root.database.getRange(this.#rest())) {
      const key = this.#pass(place)
      if (key === undefined) continue
      page.push({ key, ...stored(record, record.subarray(HEADER_BYTES)) })
      bytes += record.length
      if (page.length === PAGE_ENTRIES || bytes >= PAGE_BYTES) return page
    }
    this.#ended = true
    return page
  }

  keys(): string[] {
    const page: string[] = []
    if (this.#ended) return page
    for (const place of this.#root.database.getKeys(this.#rest())) {
      const key = this.#pass(place)
      if (key === undefined) continue
      page.push(key)
      if (page.length === PAGE_ENTRIES) return page
    }
    this.#ended = true
    return page
  }

  /** The range that is still to be read. */
  #rest(): RangeOptions {
    const last = this.#last
    return this.#span.reverse
      ? { start: last ?? this.#high, exclusiveStart: true, end: this.#low, inclusiveEnd: true, reverse: true }
      : { start: last ?? this.#low, exclusiveStart: last !== undefined, end: this.#high }
  }

  /** Moves on to the record at `place`; returns its key if that is in the span. */
  #pass(place: string): string | undefined {
    this.#last = place
    const key = place.slice(this.#root.prefix.length)
    return this.#inexact && !inSpan(key, this.#span) ? undefined : key
  }
}

const encoder = new TextEncoder()

/** As many whole characters of `bound` as fit into a key. */
function cut(bound: string, keyBytes: number): string {
  if (bound.length * 3 <= keyBytes) return bound
  return bound.slice(0, encoder.encodeInto(bound, new Uint8Array(keyBytes)).read)
}
