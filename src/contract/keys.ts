import { KVError } from '../base/errors.ts'
import type { KeySpan } from './engine.ts'
import { isNodeKey, namesOf } from './nodes.ts'

const MAX_LISTED_KEY = 80

/** A key in messages: quoted, with control characters escaped, cut if long. */
export function quoteKey(key: unknown): string {
  if (typeof key !== 'string') return String(key)
  if (isNodeKey(key)) return `node ${JSON.stringify(namesOf(key).join('/'))}`
  return quote(key)
}

function quote(key: string): string {
  const shown = JSON.stringify(key.length > MAX_LISTED_KEY ? key.slice(0, MAX_LISTED_KEY) : key)
  return key.length > MAX_LISTED_KEY ? `${shown}… (${key.length} characters)` : shown
}

/** Throws `INVALID_KEY` unless `key` is a non-empty, well-formed string of at most `maxBytes` bytes of UTF-8. */
export function checkKey(key: unknown, maxBytes: number): asserts key is string {
  if (typeof key !== 'string') {
    throw new KVError('INVALID_KEY', `a key must be a string, got ${key === null ? 'null' : typeof key}`)
  }
  if (key.length === 0) throw new KVError('INVALID_KEY', 'a key must not be empty', { key })
  if (!key.isWellFormed()) {
    throw new KVError('INVALID_KEY', `the key ${quote(key)} has a lone surrogate`, { key })
  }
  // A UTF-16 unit takes at most three bytes, so most keys need not be measured.
  if (key.length * 3 > maxBytes && Buffer.byteLength(key) > maxBytes) {
    const size = Buffer.byteLength(key)
    throw new KVError('INVALID_KEY', `the key ${quoteKey(key)} has ${size} bytes, the limit is ${maxBytes}`, {
      key,
    })
  }
}

const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff

/**
 * The order of keys everywhere: the unsigned byte order of their UTF-8.
 *
 * That is the order of UTF-16 units, except that surrogates (code points above U+FFFF) come after all other units.
 */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) {
      const surrogate = isSurrogate(x)
      if (surrogate !== isSurrogate(y)) return surrogate ? 1 : -1
      return x - y
    }
  }
  return a.length - b.length
}

const beyondLatin = /[\ud800-\uffff]/

/** Sorts `keys` in place by {@link compareKeys}; uses the faster built-in order where it gives the same result. */
export function sortKeys(keys: string[]): string[] {
  return keys.some(key => beyondLatin.test(key)) ? keys.sort(compareKeys) : keys.sort()
}

/** Whether `key` is in the span. */
export const inSpan = (key: string, { from, to }: KeySpan): boolean =>
  (from === undefined || compareKeys(key, from) >= 0) && (to === undefined || compareKeys(key, to) < 0)

/** The smallest string above every key that starts with `prefix`; `undefined` if there is none. */
export function prefixEnd(prefix: string): string | undefined {
  const points = Array.from(prefix, character => character.codePointAt(0)!)
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    // The next code point; skips the surrogates, which are not characters.
    if (last < 0x10ffff) return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1)
  }
  return undefined
}
