import { expect, test } from 'vitest'
import { murmur3, tagOf } from '../../src/engines/sharded/hash.ts'
import { Placement } from '../../src/engines/sharded/placement.ts'

// Published vectors of MurmurHash3_x86_32 with the seed 0: they, and what follows below, must never change.
test.each([
  ['', 0],
  ['test', 0xba6bd213],
  ['hello', 0x248bfa47],
  ['hello, world', 0x149bbb7f],
  ['Hello, world!', 0xc0363e43],
  ['The quick brown fox jumps over the lazy dog', 0x2e4ff723],
])('the hash of %j is what is published', (text, hash) => {
  expect(murmur3(text)).toBe(hash)
})

test('a text of any length and any characters is hashed by its UTF-8', () => {
  // The vector of 'test' behind as many bytes as do not fit the scratch buffer would be another; equal texts are equal.
  const long = '😀é'.repeat(1000)
  expect(murmur3(long)).toBe(murmur3(`${long.slice(0, 500)}${long.slice(500)}`))
  expect(murmur3('é')).not.toBe(murmur3('e'))
  expect([murmur3('a'), murmur3('ab'), murmur3('abc')]).toEqual([0x3c2569b2, 0x9bbfd75f, 0xb3dd93fa])
})

test('a tag is what stands between the first { and the next }, where that is not empty', () => {
  expect(['user:{42}:a', '{42}', 'a{}b{c}', 'a{b', 'a}b{', '{{a}}', 'plain'].map(tagOf)).toEqual([
    '42',
    '42',
    'a{}b{c}',
    'a{b',
    'a}b{',
    '{a',
    'plain',
  ])
})

test('keys are spread evenly, and stay where they are', () => {
  const placement = new Placement(3)
  const counts = [0, 0, 0]
  for (let n = 0; n < 30_000; n++) counts[placement.indexOf(`key-${n}`)]!++
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400)
  expect(['a', 'b', 'c', 'user:{42}:a', 'user:{42}:b', 'é', '😀'].map(key => placement.indexOf(key))).toEqual(
    ['a', 'b', 'c', '42', '42', 'é', '😀'].map(hashed => murmur3(hashed) % 3),
  )
})
