import { createHash, createSecretKey, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Xaes } from '../../src/codecs/xaes.ts'

const cipher = (key: Buffer): Xaes => new Xaes(createSecretKey(key))
const none = Buffer.alloc(0)

// The vectors of https://c2sp.org/XAES-256-GCM: two, and what 10,000 more come to.
test.each([
  [1, '', 'ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271'],
  [3, 'c2sp.org/XAES-256-GCM', '986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d'],
])('seals as its specification says: key of %i, associated %j', (byte, associated, expected) => {
  const nonce = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWX')
  const key = cipher(Buffer.alloc(32, byte))
  const sealed = Buffer.concat(key.seal(Buffer.from('XAES-256-GCM'), Buffer.from(associated), nonce))
  expect(sealed.subarray(24).toString('hex')).toBe(expected)
  expect(key.open(sealed, Buffer.from(associated))?.toString()).toBe('XAES-256-GCM')
})

test('and so 10,000 times', () => {
  const random = createHash('shake128', { outputLength: 10_000 * (32 + 24 + 2 + 2 * 255) }).digest()
  const digest = createHash('shake128', { outputLength: 32 })
  let at = 0
  const read = (length: number): Buffer => {
    at += length
    return random.subarray(at - length, at)
  }
  for (let i = 0; i < 10_000; i++) {
    const key = cipher(read(32))
    const nonce = read(24)
    const plain = read(read(1)[0]!)
    const associated = read(read(1)[0]!)
    for (const part of key.seal(plain, associated, nonce).slice(1)) digest.update(part)
  }
  expect(digest.digest('hex')).toBe('e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939')
})

test('a nonce is never the same', () => {
  const key = cipher(randomBytes(32))
  const nonces = Array.from({ length: 1_000 }, () => key.seal(none, none)[0]!.toString('hex'))
  expect(new Set(nonces).size).toBe(1_000)
})

test('what is another, or shorter, is not opened', () => {
  const key = cipher(randomBytes(32))
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (plain, associated) => {
      const sealed = Buffer.concat(key.seal(plain, associated))
      expect(key.open(sealed, associated)).toEqual(Buffer.from(plain))
      expect(key.open(sealed, Buffer.concat([associated, Buffer.from('x')]))).toBeUndefined()
      for (let end = 0; end < sealed.length; end++) {
        expect(key.open(sealed.subarray(0, end), associated)).toBeUndefined()
      }
    }),
  )
})
