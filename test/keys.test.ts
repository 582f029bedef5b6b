import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { KVError } from '../src/base/errors.ts'
import { checkKey, compareKeys, inSpan, prefixEnd, quoteKey, sortKeys } from '../src/contract/keys.ts'

// Units around every border of the order: ASCII, before and after the surrogates, planes above U+FFFF.
const unit = fc.oneof(
  fc.constantFrom(
    '',
    '\\0',
    'a',
    'b',
    'é',
    '\\ud7ff',
    '\\ue000',
    '\\uf900',
    '\\uffff',
    '\\u{10000}',
    '😀',
    '\\u{10ffff}',
  ),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
)
const word = fc.array(unit, { maxLength: 5 }).map(units => units.join(''))
const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
const startsAt = (a: string, b: string): boolean => byBytes(a, b) >= 0

const codeOf = (work: () => void): string | undefined => {
  try {
    work()
    return undefined
  } catch (error) {
    return error instanceof KVError ? error.code : String(error)
  }
}

describe('compareKeys', () => {
  test('is the order of the bytes of UTF-8', () => {
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(Math.sign(compareKeys(a, b))).toBe(byBytes(a, b))
      }),
      { numRuns: 2000 },
    )
  })

  test('puts what is above U+FFFF after U+E000 to U+FFFF', () => {
    expect(compareKeys('😀', '\uffff')).toBeGreaterThan(0)
    expect(compareKeys('\ue000', '😀')).toBeLessThan(0)
    expect(compareKeys('\ud7ff', '😀')).toBeLessThan(0)
  })
})

test('sortKeys sorts as the bytes of UTF-8 do', () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 20 }), keys => {
      expect(sortKeys([...keys])).toEqual([...keys].sort(byBytes))
    }),
  )
  expect(sortKeys(['b', 'a', 'ab'])).toEqual(['a', 'ab', 'b'])
})

test('inSpan is from `from` up to `to`, exclusive', () => {
  fc.assert(
    fc.property(
      word,
      fc.option(word, { nil: undefined }),
      fc.option(word, { nil: undefined }),
      (key, from, to) => {
        const expected =
          (from === undefined || startsAt(key, from)) && (to === undefined || !startsAt(key, to))
        expect(inSpan(key, { from, to })).toBe(expected)
      },
    ),
  )
})

describe('prefixEnd', () => {
  test('is above every key with the prefix and not above any other key after it', () => {
    fc.assert(
      fc.property(word, word, word, (prefix, rest, other) => {
        const end = prefixEnd(prefix)
        if (end === undefined) {
          expect(prefix).toMatch(/^\u{10ffff}*$/u)
          return
        }
        expect(end.isWellFormed()).toBe(true)
        expect(byBytes(prefix + rest, end)).toBe(-1)
        const between = startsAt(other, prefix) && !startsAt(other, end)
        expect(other.startsWith(prefix)).toBe(between)
      }),
      { numRuns: 2000 },
    )
  })

  test('goes over what cannot be raised', () => {
    expect(prefixEnd('a')).toBe('b')
    expect(prefixEnd('\ud7ff')).toBe('\ue000')
    expect(prefixEnd('\uffff')).toBe('\u{10000}')
    expect(prefixEnd('a\u{10ffff}')).toBe('b')
    expect(prefixEnd('\u{10ffff}')).toBeUndefined()
    expect(prefixEnd('')).toBeUndefined()
  })
})

describe('checkKey', () => {
  test('takes well-formed strings up to the limit, counted in bytes of UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }), fc.nat(40), (key, limit) => {
        expect(codeOf(() => checkKey(key, limit))).toBe(
          Buffer.byteLength(key) <= limit ? undefined : 'INVALID_KEY',
        )
      }),
    )
  })

  test.each([
    ['', 'empty'],
    ['\ud800', 'lone surrogate'],
    ['a\udc00b', 'lone surrogate'],
    [undefined, 'undefined'],
    [null, 'null'],
    [1, 'number'],
    ['xxxxxxxxxxx', '11 bytes'],
  ])('refuses %j and says why', (key, why) => {
    expect(codeOf(() => checkKey(key, 10))).toBe('INVALID_KEY')
    expect(() => checkKey(key, 10)).toThrow(why)
  })

  test('tells the key', () => {
    try {
      checkKey('too long', 3)
      expect.unreachable()
    } catch (error) {
      expect(error).toMatchObject({ key: 'too long' })
    }
  })
})

test('quoteKey shows what cannot be seen and cuts what is long', () => {
  expect(quoteKey('a\n')).toBe('"a\\n"')
  expect(quoteKey('x'.repeat(1000))).toMatch(/^"x{80}"… \(1000 characters\)$/)
  expect(quoteKey(undefined)).toBe('undefined')
})
