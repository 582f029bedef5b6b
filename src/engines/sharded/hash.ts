const SCRATCH = Buffer.allocUnsafe(1024)

/** The most bytes of a UTF-16 unit in UTF-8. */
const MOST_BYTES = 3

const rotate = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits))

const mixWord = (word: number): number => Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593)

/**
 * MurmurHash3 (x86, 32 bits, seed 0) of the UTF-8 of `text`. It must never change, because it decides where keys are.
 */
export function murmur3(text: string): number {
  const fits = text.length * MOST_BYTES <= SCRATCH.length
  const bytes = fits ? SCRATCH : Buffer.from(text)
  const length = fits ? SCRATCH.write(text) : bytes.length
  const tail = length & ~3
  let hash = 0
  for (let i = 0; i < tail; i += 4) {
    hash ^= mixWord(bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24))
    hash = (Math.imul(rotate(hash, 13), 5) + 0xe6546b64) | 0
  }
  let rest = 0
  for (let i = length - 1; i >= tail; i--) rest = (rest << 8) | bytes[i]!
  if (length > tail) hash ^= mixWord(rest)
  hash ^= length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/**
 * The part of a key that is hashed: the text between its first `{` and the next `}`, unless that is empty; else the
 * whole key.
 */
export function tagOf(key: string): string {
  const open = key.indexOf('{')
  if (open < 0) return key
  const close = key.indexOf('}', open + 1)
  return close > open + 1 ? key.slice(open + 1, close) : key
}
