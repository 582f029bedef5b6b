import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareKeys } from '../../src/contract/keys.ts'
import { parseWindowKey, windowKey, windowPrefix } from '../../src/index.ts'

const key = fc.oneof(
  fc.string({ minLength: 1, unit: 'binary' }),
  fc.string({ minLength: 1, unit: fc.constantFrom('a', '@', '%', '4', '0', '2', '5') }),
)
const time = fc.oneof(
  fc.integer({ min: Date.parse('0000-01-01T00:00:00Z'), max: Date.parse('9999-12-31T23:59:59.999Z') }),
  fc.integer({ min: -1000, max: 1000 }),
)

describe('windowKey', () => {
  test('is read back as what it was made of', () => {
    fc.assert(
      fc.property(key, time, (key, start) => {
        expect(parseWindowKey(windowKey(key, start))).toEqual({ key, start })
        expect(windowKey(key, new Date(start))).toBe(windowKey(key, start))
      }),
    )
  })

  test('what is read makes the same key again', () => {
    const parts = fc.constantFrom(
      'a',
      '@',
      '%25',
      '%40',
      '%',
      '2001-01-01T00:00:00.000Z',
      '2001-02-30',
      'T24',
    )
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: parts })), text => {
        const parsed = parseWindowKey(text)
        if (parsed !== undefined) expect(windowKey(parsed.key, parsed.start)).toBe(text)
      }),
      { numRuns: 2000, examples: [['a@2001-01-01T00:00:00.000Z']] },
    )
  })

  test('the windows of a key are in the order of time', () => {
    fc.assert(
      fc.property(key, time, time, (key, a, b) => {
        expect(Math.sign(compareKeys(windowKey(key, a), windowKey(key, b)))).toBe(Math.sign(a - b))
      }),
    )
  })

  test('the windows of a key have a prefix that no other key has', () => {
    fc.assert(
      fc.property(key, key, time, (key, other, start) => {
        expect(windowKey(key, start).startsWith(windowPrefix(key))).toBe(true)
        fc.pre(other !== key)
        expect(windowKey(other, start).startsWith(windowPrefix(key))).toBe(false)
      }),
    )
  })

  test.each([
    'a',
    '@2001-01-01T00:00:00.000Z',
    'a@2001-02-30T00:00:00.000Z',
    'a@2001-01-01T24:00:00.000Z',
    'a@2001-01-01T00:00:00Z',
    'a@b@2001-01-01T00:00:00.000Z',
    '50%@2001-01-01T00:00:00.000Z',
    'a@2001-01-01T00:00:00.000Z\n',
  ])('%j is none', text => {
    expect(parseWindowKey(text)).toBeUndefined()
  })

  test.each([Number.NaN, 0.5, -62_167_219_200_001, 253_402_300_800_000, new Date('nonsense')])(
    'refuses the time %s',
    start => {
      expect(() => windowKey('a', start)).toThrow(
        expect.objectContaining({
          code: 'INVALID_ARGUMENT',
          message: expect.stringMatching(/^`start` must be/),
        }),
      )
    },
  )

  test.each(['', '\ud800'])('refuses the key %j', key => {
    for (const make of [() => windowKey(key, 0), () => windowPrefix(key)]) {
      expect(make).toThrow(expect.objectContaining({ code: 'INVALID_KEY' }))
    }
  })
})
