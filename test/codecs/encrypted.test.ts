import { createSecretKey, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { firstValueFrom } from 'rxjs'
import { bytes, type Codec, encrypted, json, Memory, memoryStore, text, versioned } from 'rxkeeper'
import { arbitraries } from 'rxkeeper/testing'
import { describe, expect, test } from 'vitest'

const k1 = randomBytes(32)
const k2 = randomBytes(32)
const { key: anyKey, value: anyValue } = arbitraries(fc)
const under = (current: string, keys: Record<string, Uint8Array> = { k1, k2 }) => ({ keys, current })
const codec = encrypted(json<unknown>(), under('k1'))

describe('whatever the value and the key', () => {
  test('it is what it was', () => {
    fc.assert(
      fc.property(anyValue(), anyKey(), (value, key) => {
        expect(codec.decode(codec.encode(value, key), key)).toEqual(json().decode(json().encode(value)))
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array(), anyKey(), (value, key) => {
        const binary = encrypted(bytes, under('k2'))
        expect([...binary.decode(binary.encode(value, key), key)]).toEqual([...value])
      }),
    )
  })

  test('no bit of it can be another', () => {
    fc.assert(
      fc.property(anyValue(), anyKey(), fc.nat(), (value, key, at) => {
        const sealed = Buffer.from(codec.encode(value, key))
        const bit = at % (sealed.length * 8)
        sealed[bit >> 3]! ^= 1 << (bit & 7)
        expect(() => codec.decode(sealed, key)).toThrow(/^it is (not|encrypted under the key)/)
      }),
      { numRuns: 500 },
    )
  })

  test('it cannot be cut, or be longer', () => {
    fc.assert(
      fc.property(anyValue(), anyKey(), fc.nat(), (value, key, at) => {
        const sealed = codec.encode(value, key)
        expect(() => codec.decode(sealed.subarray(0, at % sealed.length), key)).toThrow('it is not')
        expect(() => codec.decode(Buffer.concat([sealed, Buffer.from('x')]), key)).toThrow('it is not')
      }),
    )
  })

  test('cut right behind the mark, what lies behind it in memory is not read', () => {
    const pool = Buffer.concat([codec.encode(1, 'a').subarray(0, 4), Buffer.from('of somebody else')])
    expect(() => codec.decode(pool.subarray(0, 4), 'a')).toThrow(/^it is not encrypted$/)
  })

  test('it is of its key alone', () => {
    fc.assert(
      fc.property(anyValue(), anyKey(), anyKey(), (value, one, other) => {
        fc.pre(one !== other)
        expect(() => codec.decode(codec.encode(value, one), other)).toThrow('copied from another key')
      }),
    )
  })

  test('it is never the same twice, and has nothing of the value', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 4 }), anyKey(), (value, key) => {
        const [one, other] = [codec.encode(value, key), codec.encode(value, key)].map(sealed =>
          Buffer.from(sealed),
        )
        expect(one!.equals(other!)).toBe(false)
        expect(one!.includes(Buffer.from(json().encode(value)))).toBe(false)
      }),
    )
  })
})

test('a ciphertext that is copied to another key is CODEC for it, and for nobody else', async () => {
  const memory = new Memory()
  await using store = memoryStore({ value: encrypted(json<number>(), under('k1')), memory })
  await using raw = memoryStore({ value: bytes, memory })
  await firstValueFrom(store.putAll$([['salary of ann', 1], ['salary of bob', 2]])) // biome-ignore format: a pair
  const ofAnn = await firstValueFrom(raw.get$('salary of ann'))
  await firstValueFrom(raw.put$('salary of bob', ofAnn!))
  await expect(firstValueFrom(store.get$('salary of bob'))).rejects.toMatchObject({
    code: 'CODEC',
    key: 'salary of bob',
    message: expect.stringContaining('copied from another key'),
  })
  expect(await firstValueFrom(store.get$('salary of ann'))).toBe(1)
})

test('what is beside the keys cannot be taken for a value, nor a value for it', () => {
  const value = encrypted(bytes, under('k1'))
  const beside = value.beside!
  expect(() => value.decode(beside.encode(Buffer.from('x'), 'a'), 'a')).toThrow(
    'it is not what was encrypted',
  )
  expect(() => beside.decode(value.encode(Buffer.from('x'), 'a'), 'a')).toThrow(
    'it is not what was encrypted',
  )
})

describe('keys', () => {
  const sealed = encrypted(text, under('k1')).encode('secret', 'a')

  test('one that is not the current one still opens; one that is not there is named', () => {
    expect(encrypted(text, under('k2')).decode(sealed, 'a')).toBe('secret')
    expect(encrypted(text, { keys: { k1: createSecretKey(k1) }, current: 'k1' }).decode(sealed, 'a')).toBe(
      'secret',
    )
    expect(() => encrypted(text, under('k2', { k2 })).decode(sealed, 'a')).toThrow(
      'it is encrypted under the key "k1", which is not known',
    )
  })

  test('another one of the same id opens nothing', () => {
    expect(() => encrypted(text, under('k1', { k1: k2 })).decode(sealed, 'a')).toThrow(
      'another key has the id "k1"',
    )
  })

  test('an id may be any, up to 255 bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), id => {
        const own = encrypted(text, under(id, { [id]: k1 }))
        expect(own.decode(own.encode('v', 'a'), 'a')).toBe('v')
      }),
    )
  })

  test.each([
    [{ keys: { k1 }, current: 'k2' }, '`current` is the id of none of the `keys`'],
    [{ keys: {}, current: 'constructor' }, 'none of the `keys`'],
    [
      { keys: { k1: k1.subarray(1) }, current: 'k1' },
      'the key "k1" must be 32 bytes (Uint8Array or KeyObject), got 31 bytes',
    ],
    [
      { keys: { k1: 'passphrase!' }, current: 'k1' },
      'must be 32 bytes (Uint8Array or KeyObject), got a string',
    ],
    [{ keys: { '': k1 }, current: '' }, 'the id of a key must be a string of 1 to 255 bytes, got ""'],
    [
      { keys: { ['x'.repeat(256)]: k1 }, current: 'k1' },
      'the id of a key must be a string of 1 to 255 bytes',
    ],
    [{ keys: { k1 }, current: k1 }, 'the id of a key must be a string of 1 to 255 bytes, got a object'],
    [{ current: 'k1' }, 'none of the `keys`'],
  ])('%# what is none is refused', (keys, message) => {
    expect(() => encrypted(text, keys as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) }),
    )
  })
})

describe('values that are not encrypted', () => {
  const plain = json().encode({ a: 1 })

  test('are refused', () => {
    expect(() => codec.decode(plain, 'a')).toThrow('it is not encrypted')
    expect(() => codec.decode(Buffer.alloc(0), 'a')).toThrow('it is not encrypted')
  })

  test('are read where that is wanted, and are not current', () => {
    const accepting = encrypted(json(), under('k1'), { plaintext: 'accept' })
    expect(accepting.decode(plain, 'a')).toEqual({ a: 1 })
    expect(accepting.isCurrent!(plain, 'a')).toBe(false)
    const sealed = accepting.encode({ a: 1 }, 'a')
    expect(accepting.isCurrent!(sealed, 'a')).toBe(true)
    expect(() => accepting.decode(sealed.subarray(0, 5), 'a')).toThrow('it is not encrypted')
  })
})

test('an error of the codec inside does not show the value', () => {
  const numbers = encrypted(json<number>(), under('k1'))
  const sealed = encrypted(text, under('k1')).encode('the secret of Ann', 'a')
  try {
    numbers.decode(sealed, 'a')
    expect.unreachable()
  } catch (error) {
    const { message, cause } = error as Error
    expect(message).toBe(
      'it was decrypted, and what it holds could not be decoded (SyntaxError; a value is not shown)',
    )
    expect(cause).toBeUndefined()
  }
})

test('the codec inside keeps its freeze, and gets the key', () => {
  const heard: string[] = []
  const inner: Codec<string> = {
    encode: (value, key) => {
      heard.push(key)
      return text.encode(value)
    },
    decode: (sealed, key) => {
      heard.push(key)
      return text.decode(sealed)
    },
    freeze: value => `${value} frozen`,
  }
  const sealing = encrypted(inner, under('k1'))
  expect(sealing.freeze!(sealing.decode(sealing.encode('x', 'a'), 'a'))).toBe('x frozen')
  expect(heard).toEqual(['a', 'a'])
  expect(encrypted(bytes, under('k1')).freeze).toBeUndefined()
})

test('with versions inside, both are seen', () => {
  const first = versioned(json<number>())
  const second = first.next(text, count => `${count} visits`)
  const old = encrypted(first, under('k1')).encode(7, 'a')
  const now = encrypted(second, under('k1'))
  expect(now.decode(old, 'a')).toBe('7 visits')
  expect(now.isCurrent!(old, 'a')).toBe(false)
  expect(now.isCurrent!(now.encode('x', 'a'), 'a')).toBe(true)
  expect(encrypted(second, under('k2')).isCurrent!(now.encode('x', 'a'), 'a')).toBe(false)
  expect(() => encrypted(first, under('k1')).decode(now.encode('x', 'a'), 'a')).toThrow(
    'the value of "a" is of version 2, and this program knows versions up to 1',
  )
})
