import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytes, json, text } from '../../src/codecs.ts'

/** The same bytes as a part of a larger buffer, as they come off a socket. */
const within = (encoded: Uint8Array): Uint8Array => {
  const larger = new Uint8Array(encoded.length + 7).fill(0x22)
  larger.set(encoded, 3)
  return larger.subarray(3, 3 + encoded.length)
}

describe('json', () => {
  test('gives back every JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        const expected = JSON.parse(JSON.stringify(value))
        expect(json().decode(within(json().encode(value)))).toEqual(expected)
      }),
    )
  })

  test('is JSON text', () => {
    expect(Buffer.from(json().encode({ name: 'é' })).toString()).toBe('{"name":"é"}')
    expect(json().decode(Buffer.from(' [1, null] '))).toEqual([1, null])
  })

  test.each([[undefined], [() => 1], [Symbol('s')]])('refuses %o, which has no JSON form', value => {
    expect(() => json().encode(value)).toThrow(TypeError)
  })

  test('refuses what is no JSON', () => {
    expect(() => json().decode(Buffer.from('{'))).toThrow(SyntaxError)
    expect(() => json().decode(new Uint8Array())).toThrow(SyntaxError)
  })
})

describe('freeze', () => {
  test('json: nothing in the value can be changed, however deep', () => {
    const frozen = json<{ list: { n: number }[] }>().freeze!({ list: [{ n: 1 }] })
    expect(() => {
      frozen.list[0]!.n = 2
    }).toThrow(TypeError)
    expect(() => frozen.list.push({ n: 2 })).toThrow(TypeError)
    expect(json<number>().freeze!(7)).toBe(7)
    expect(json<null>().freeze!(null)).toBe(null)
    const deep = json().decode(Buffer.from('['.repeat(50_000) + ']'.repeat(50_000)))
    expect(json().freeze!(deep)).toBe(deep)
  })

  test('text is what it is; bytes cannot be frozen', () => {
    expect(text.freeze!('a')).toBe('a')
    expect(bytes.freeze).toBeUndefined()
  })
})

describe('text', () => {
  test('gives back every well-formed string', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), value => {
        expect(text.decode(within(text.encode(value)))).toBe(value)
      }),
    )
  })

  test('refuses what UTF-8 cannot carry', () => {
    expect(() => text.encode('a\ud800')).toThrow('lone surrogate')
    expect(() => text.encode(1 as unknown as string)).toThrow('expected a string, got number')
  })
})

describe('bytes', () => {
  test('gives back every sequence of bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), value => {
        expect([...bytes.decode(within(bytes.encode(value)))]).toEqual([...value])
      }),
    )
  })

  test('takes a copy: what the caller does to its array later is not seen', () => {
    const array = new Uint8Array([1, 2])
    const buffer = Buffer.from([1, 2])
    const encoded = [bytes.encode(array), bytes.encode(buffer)]
    array[0] = 9
    buffer[0] = 9
    expect(encoded.map(taken => [...taken])).toEqual([
      [1, 2],
      [1, 2],
    ])
  })

  test('refuses what is no Uint8Array', () => {
    expect(() => bytes.encode('x' as unknown as Uint8Array)).toThrow('expected a Uint8Array, got string')
  })
})
