import fc from 'fast-check'
import { arbitraries } from 'rxkeeper/testing'
import { expect, test } from 'vitest'

const { key, value, entry, entries, range, operations } = arbitraries(fc)

test('keys are keys, ordinary and nasty', () => {
  const keys = fc.sample(key(), 1000)
  for (const some of keys) expect(some.length > 0 && some.isWellFormed()).toBe(true)
  for (const wanted of [
    /^[a-c]+$/,
    /\//,
    /^\.\.?$/,
    /%41/,
    /\p{Cc}/u,
    /😀/u,
    /[\ue000-\uffff]/,
    /[\u{10000}-\u{10ffff}]/u,
  ]) {
    expect(keys.some(some => wanted.test(some))).toBe(true)
  }
})

test('values come back from JSON as they were', () => {
  fc.assert(
    fc.property(value(), some => {
      expect(JSON.parse(JSON.stringify(some))).toStrictEqual(some)
    }),
  )
})

test('entries have different keys', () => {
  fc.assert(
    fc.property(entries(fc.nat()), some => {
      expect(new Map(some).size).toBe(some.length)
    }),
  )
  expect(fc.sample(entry(fc.nat()), 1)[0]).toHaveLength(2)
})

test('ranges have bounds near the keys they are given', () => {
  const ranges = fc.sample(range(['x']), 500)
  expect(ranges.some(({ from, to }) => from === 'x' && to === 'x\0')).toBe(true)
  expect(ranges.some(({ prefix, reverse }) => prefix === 'x' && reverse)).toBe(true)
  expect(ranges.some(({ limit }) => limit === undefined)).toBe(true)
})

test('operations are of all types, on few keys', () => {
  const sequences = fc.sample(operations(fc.nat(), { keys: 2, maxLength: 10 }), 500)
  const types = new Set(sequences.flatMap(sequence => sequence.map(({ type }) => type)))
  expect(types.size).toBe(12)
  for (const sequence of sequences) {
    expect(sequence.length).toBeLessThanOrEqual(10)
    const keys = new Set(sequence.flatMap(operation => ('key' in operation ? [operation.key] : [])))
    expect(keys.size).toBeLessThanOrEqual(2)
  }
  const puts = fc.sample(operations(fc.nat(), { types: ['put'] }), 100).flat()
  expect(new Set(puts.map(({ type }) => type))).toEqual(new Set(['put']))
})
