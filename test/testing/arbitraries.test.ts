import fc from 'fast-check'
import { arbitraries, type StoreFault } from 'rxkeeper/testing'
import { describe, expect, test } from 'vitest'

const { key, value, entry, entries, range, operations, faults } = arbitraries(fc)

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

describe('schedules of faults', () => {
  test('have faults of all types, in order, within bounds', () => {
    const schedules = fc.sample(faults({ keys: ['a', 'b'], within: 30, longest: 7, maxLength: 4 }), 500)
    const all = schedules.flat()
    expect(new Set(all.map(({ type }) => type))).toEqual(new Set(['slow', 'write', 'suspended', 'lost']))
    expect(new Set(all.flatMap(fault => ('key' in fault ? [fault.key] : [])))).toEqual(new Set(['a', 'b']))
    for (const schedule of schedules) {
      expect(schedule.length).toBeLessThanOrEqual(4)
      expect(schedule).toEqual(schedule.toSorted((one, other) => one.at - other.at))
    }
    for (const fault of all) {
      expect(fault.at).toBeLessThanOrEqual(30)
      if ('lasts' in fault) expect(fault.lasts).toBeLessThanOrEqual(7)
    }
  })

  test('have only what is asked for', () => {
    const types = (options: Parameters<typeof faults>[0]) =>
      new Set(
        fc
          .sample(faults(options), 200)
          .flat()
          .map(({ type }) => type),
      )
    expect(types({})).toEqual(new Set(['slow', 'suspended', 'lost']))
    expect(types({ types: ['lost', 'write'], keys: ['a'] })).toEqual(new Set(['lost', 'write']))
    expect(types({ types: ['write'] })).toEqual(new Set())
  })

  test.each<[string, (schedule: readonly StoreFault[]) => boolean, StoreFault[]]>([
    ['any', schedule => schedule.length > 0, [{ type: 'slow', at: 0, lasts: 1, by: 1 }]],
    [
      'an outage at 5 or later',
      schedule => schedule.some(({ type, at }) => (type === 'lost' || type === 'suspended') && at >= 5),
      [{ type: 'suspended', at: 5, lasts: 1, unanswered: 'dropped' }],
    ],
    [
      'two writers',
      schedule => schedule.filter(({ type }) => type === 'write').length > 1,
      [
        { type: 'write', at: 0, key: 'a' },
        { type: 'write', at: 0, key: 'a' },
      ],
    ],
  ])('shrink to what matters, as plain data: %s', (_, matters, smallest) => {
    const property = fc.property(faults({ keys: ['a', 'b'] }), schedule => !matters(schedule))
    const { counterexample } = fc.check(property, { numRuns: 1000 })
    expect(counterexample).toEqual([smallest])
    expect(fc.stringify(counterexample)).toBe(JSON.stringify(counterexample))
  })
})
