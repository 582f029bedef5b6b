import fc from 'fast-check'
import { firstValueFrom } from 'rxjs'
import { bytes, json, Memory, memoryStore, text, versioned } from 'rxkeeper'
import { expect, test } from 'vitest'

interface V1 {
  readonly name: string
}
interface V2 {
  readonly names: readonly string[]
}
interface V3 extends V2 {
  readonly visits: number
}

const first = versioned(json<V1>())
const second = first.next(json<V2>(), ({ name }) => ({ names: name.split(' ') }))
const third = second.next(json<V3>(), user => ({ ...user, visits: 0 }))

test('old values become new ones, by every migration between', () => {
  expect([first.version, second.version, third.version]).toEqual([1, 2, 3])
  const ada = { names: ['Ada', 'King'] }
  expect(third.decode(first.encode({ name: 'Ada King' }, 'ada'), 'ada')).toEqual({ ...ada, visits: 0 })
  expect(third.decode(second.encode(ada, 'ada'), 'ada')).toEqual({ ...ada, visits: 0 })
  expect(third.decode(third.encode({ ...ada, visits: 7 }, 'ada'), 'ada')).toEqual({ ...ada, visits: 7 })
})

test('values of the first version are what they were without versions', () => {
  expect(Buffer.from(first.encode({ name: 'x' }, 'a')).toString()).toBe('{"name":"x"}')
  expect(third.decode(json().encode({ name: 'x y' }), 'a').names).toEqual(['x', 'y'])
})

test('what a newer program wrote is CODEC, and names both versions', async () => {
  const memory = new Memory()
  await using newer = memoryStore({ value: third, memory })
  await using older = memoryStore({ value: first, memory })
  await firstValueFrom(newer.put$('ada', { names: [], visits: 1 }))
  await expect(firstValueFrom(older.get$('ada'))).rejects.toMatchObject({
    code: 'CODEC',
    key: 'ada',
    message: 'the value of "ada" is of version 3, and this program knows versions up to 1',
  })
})

test('only the newest is current', () => {
  const [one, two, three] = [
    first.encode({ name: '' }, 'a'),
    second.encode({ names: [] }, 'a'),
    third.encode({ names: [], visits: 0 }, 'a'),
  ]
  expect([one, two, three].map(each => third.isCurrent!(each, 'a'))).toEqual([false, false, true])
  expect([one, two, three].map(each => second.isCurrent!(each, 'a'))).toEqual([false, true, false])
  expect([one, two, three].map(each => first.isCurrent!(each, 'a'))).toEqual([true, false, false])
})

test('whatever the bytes of a value look like, it is read in the version that wrote it', () => {
  const raw = [versioned(bytes), versioned(text).next(bytes, value => Buffer.from(value))]
  const marked = fc
    .uint8Array({ maxLength: 8 })
    .map(rest => Uint8Array.from([0xfe, 0x72, 0x78, 0x76, ...rest]))
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), marked), value => {
      for (const codec of raw) expect([...codec.decode(codec.encode(value, 'a'), 'a')]).toEqual([...value])
    }),
  )
})

test('a store goes over from one version to the next, value by value', async () => {
  const memory = new Memory()
  await using before = memoryStore({ value: first, memory })
  await firstValueFrom(before.putAll$([['a', { name: 'A' }], ['b', { name: 'B' }]])) // biome-ignore format: pairs
  await using store = memoryStore({ value: second, memory, cache: 10 })
  await firstValueFrom(store.update$('a', user => ({ names: [...user!.names, 'X'] })))
  expect(await firstValueFrom(store.getAll$(['a', 'b']))).toEqual(
    new Map([
      ['a', { names: ['A', 'X'] }],
      ['b', { names: ['B'] }],
    ]),
  )
  expect(Object.isFrozen(await firstValueFrom(store.get$('b')))).toBe(true)
})

test('what is no codec or migration is refused', () => {
  const invalid = expect.objectContaining({ code: 'INVALID_ARGUMENT' })
  expect(() => versioned(undefined as never)).toThrow(invalid)
  expect(() => first.next(json(), undefined as never)).toThrow(invalid)
})
