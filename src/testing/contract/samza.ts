import assert from 'node:assert/strict'
import { json, text } from '../../codecs.ts'
import type { Entry } from '../../store/kv-store.ts'
import { all, fails, fill, numbers, one, together } from './assertions.ts'
import type { Suite } from './place.ts'

const pad = (n: number): string => String(n).padStart(4, '0')

/** Random numbers from 0 to 1, the same in every run (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The cases of Apache Samza's TestKeyValueStores, under their names. */
export function samzaConformance({ it }: Suite): void {
  it('getNonExistentIsNull', async stores => {
    const store = await stores.open(text)
    assert.equal(await one(store.get$('hello')), undefined)
  })

  it('getAllWhenZeroMatch', async stores => {
    const store = await stores.open(text)
    await one(store.put$('hello', 'world'))
    assert.deepEqual(await one(store.getAll$(['foo', 'bar'])), new Map())
  })

  it('getAllWhenFullMatch', async stores => {
    const store = await stores.open(text)
    const expected = new Map([
      ['k0', 'v0'],
      ['k1', 'v1'],
    ])
    for (const [key, value] of expected) await one(store.put$(key, value))
    assert.deepEqual(await one(store.getAll$(expected.keys())), expected)
  })

  it('getAllWhenPartialMatch', async stores => {
    const store = await stores.open(text)
    await fill(store, [
      ['k0', 'v0'],
      ['k1', 'v1'],
      ['k2', 'v2'],
    ])
    const found = await one(store.getAll$(['k0', 'none', 'k2']))
    assert.deepEqual(
      found,
      new Map([
        ['k0', 'v0'],
        ['k2', 'v2'],
      ]),
    )
    assert.equal(found.has('none'), false)
  })

  it('putAndGet', async stores => {
    const store = await stores.open(text)
    await one(store.put$('k', 'v'))
    assert.equal(await one(store.get$('k')), 'v')
  })

  it('doublePutAndGet', async stores => {
    const store = await stores.open(text)
    await one(store.put$('k2', 'v1'))
    await one(store.put$('k2', 'v2'))
    await one(store.put$('k2', 'v3'))
    assert.equal(await one(store.get$('k2')), 'v3')
  })

  it('nullsWithSerde', async stores => {
    const store = await stores.open(text)
    const none = undefined as unknown as string
    await fails(store.get$(none), 'INVALID_KEY')
    await fails(store.getAll$(['a', none]), 'INVALID_KEY')
    await fails(store.put$(none, 'v'), 'INVALID_KEY')
    await fails(store.put$('k', none), 'INVALID_ARGUMENT')
    await fails(
      store.putAll$([
        ['k', 'v'],
        ['k2', none],
      ]),
      'INVALID_ARGUMENT',
    )
    await fails(
      store.putAll$([
        ['k', 'v'],
        [none, 'v'],
      ]),
      'INVALID_KEY',
    )
    await fails(store.delete$(none), 'INVALID_KEY')
    await fails(store.deleteAll$(['k', none]), 'INVALID_KEY')
    assert.deepEqual(await all(store.keys$()), [])
  })

  it('putAll', async stores => {
    const store = await stores.open(text)
    const entries = numbers(100).map(n => [together(String(n)), String(n)] as const)
    await one(store.putAll$(entries))
    for (const [key, value] of entries) assert.equal(await one(store.get$(key)), value)
  })

  it('iterateAll', async stores => {
    const store = await stores.open(text)
    const keys = numbers(100).map(pad)
    for (const key of [...keys].reverse()) await one(store.put$(key, `v${key}`))
    const listed = await all(store.entries$())
    assert.deepEqual(
      listed.map(({ key, value }) => [key, value]),
      keys.map(key => [key, `v${key}`]),
    )
  })

  it('range', async stores => {
    const store = await stores.open(text)
    const keys = numbers(26).map(n => String.fromCharCode(97 + n))
    await fill(
      store,
      keys.map(key => [key, key]),
    )
    assert.deepEqual(await all(store.keys$({ from: 'f', to: 'k' })), ['f', 'g', 'h', 'i', 'j'])
    assert.deepEqual(await all(store.keys$({ from: 'f', to: 'f' })), [])
    assert.deepEqual(await all(store.keys$({ from: 'k', to: 'f' })), [])
  })

  it('delete', async stores => {
    const store = await stores.open(text)
    await one(store.put$('a', 'a'))
    await one(store.delete$('a'))
    assert.equal(await one(store.get$('a')), undefined)
    await one(store.delete$('a'))
  })

  it('deleteAllWhenZeroMatch', async stores => {
    const store = await stores.open(text)
    await one(store.put$('hello', 'world'))
    assert.equal(await one(store.deleteAll$(['foo'])), 0)
    assert.equal(await one(store.get$('hello')), 'world')
  })

  it('deleteAllWhenFullMatch', async stores => {
    const store = await stores.open(text)
    await fill(store, [
      [together('k0'), 'v0'],
      [together('k1'), 'v1'],
    ])
    assert.equal(await one(store.deleteAll$([together('k0'), together('k1')])), 2)
    assert.deepEqual(await all(store.keys$()), [])
  })

  it('deleteAllWhenPartialMatch', async stores => {
    const store = await stores.open(text)
    await fill(store, [
      [together('k0'), 'v0'],
      [together('k1'), 'v1'],
    ])
    assert.equal(await one(store.deleteAll$([together('foo'), together('k0')])), 1)
    assert.deepEqual(await all(store.keys$()), [together('k1')])
  })

  it('simpleScenario', async stores => {
    const store = await stores.open(text)
    const keys = numbers(500).map(n => `key-${pad(n)}`)
    for (const key of keys) assert.equal(await one(store.get$(key)), undefined)
    await Promise.all(keys.map(key => one(store.put$(key, key))))
    for (const key of keys) assert.equal(await one(store.get$(key)), key)
    await Promise.all(keys.map(key => one(store.delete$(key))))
    assert.deepEqual(await all(store.keys$()), [])
  })

  it('randomReadWriteRemove', async stores => {
    const store = await stores.open(text)
    const random = randomNumbers(20_240_229)
    const model = new Map<string, string>()
    for (const n of numbers(1000)) {
      const key = `key-${Math.floor(random() * 40)}`
      const what = random()
      if (what < 0.5) assert.equal(await one(store.get$(key)), model.get(key))
      else if (what < 0.8) {
        await one(store.put$(key, String(n)))
        model.set(key, String(n))
      } else assert.equal(await one(store.delete$(key)), model.delete(key))
    }
    assert.deepEqual(
      (await all(store.entries$())).map(({ key, value }) => [key, value]),
      [...model].sort(([a], [b]) => (a < b ? -1 : 1)),
    )
  })

  it('parallelReadWriteDiffKeys', async stores => {
    const store = await stores.open(json<number>())
    await Promise.all(
      numbers(16).map(async worker => {
        const random = randomNumbers(worker)
        for (const n of numbers(50)) {
          const key = `${worker}-${Math.floor(random() * 5)}`
          await one(store.put$(key, n))
          assert.equal(await one(store.get$(key)), n)
        }
      }),
    )
  })

  it('parallelIteratorAndWrite', async stores => {
    const store = await stores.open(json<number>())
    const steady = numbers(500).map(n => `steady-${pad(n)}`)
    await fill(
      store,
      steady.map(key => [key, 0]),
    )
    let done = false
    const writing = (async () => {
      for (let n = 0; !done; n++) {
        await Promise.all([one(store.put$(`a-${n % 50}`, n)), one(store.put$(`z-${n % 50}`, n))])
        await Promise.all(['a', 'z'].map(letter => one(store.delete$(`${letter}-${(n + 25) % 50}`))))
      }
    })()
    for (const _ of numbers(10)) {
      const keys = (await all(store.entries$())).map(({ key }: Entry<number>) => key)
      assert.deepEqual(
        keys.filter(key => key.startsWith('steady')),
        steady,
      )
      assert.deepEqual(keys, [...new Set(keys)].sort())
    }
    done = true
    await writing
  })
}
