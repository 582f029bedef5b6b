import assert from 'node:assert/strict'
import { bytes, json, text } from '../../codecs.ts'
import { all, fails, fill, numbers, one, together } from './assertions.ts'
import type { Suite } from './place.ts'

/** get, entry, getAll, put, putAll, delete, deleteAll: their results and effects. */
export function readsAndWrites({ it }: Suite): void {
  it('reads nothing where nothing was written', async stores => {
    const store = await stores.open(json<number>())
    assert.equal(await one(store.get$('none')), undefined)
    assert.equal(await one(store.entry$('none')), undefined)
    assert.deepEqual(await one(store.getAll$(['none', 'neither'])), new Map())
    assert.deepEqual(await one(store.entryAll$(['none', 'neither'])), new Map())
    assert.deepEqual(await all(store.entries$()), [])
    assert.deepEqual(await all(store.keys$()), [])
  })

  it('puts and gets', async stores => {
    const store = await stores.open(json<{ count: number }>())
    assert.deepEqual(await one(store.put$('a', { count: 1 })), { key: 'a', value: { count: 1 }, version: 0 })
    assert.deepEqual(await one(store.get$('a')), { count: 1 })
    assert.deepEqual(await one(store.entry$('a')), { key: 'a', value: { count: 1 }, version: 0 })
  })

  it('counts versions from 0, one more at each write, 0 again when recreated', async stores => {
    const store = await stores.open(json<number>())
    for (const n of numbers(4)) assert.equal((await one(store.put$('a', n))).version, n)
    assert.equal((await one(store.entry$('a')))?.version, 3)
    assert.equal(await one(store.delete$('a')), true)
    assert.equal((await one(store.put$('a', 9))).version, 0)
    assert.deepEqual(await one(store.entry$('a')), { key: 'a', value: 9, version: 0 })
    assert.equal((await one(store.put$('b', 1))).version, 0)
  })

  it('counts the version also where the value stays the same', async stores => {
    const store = await stores.open(json<number>())
    await one(store.put$('a', 1))
    assert.equal((await one(store.put$('a', 1))).version, 1)
  })

  it('getAll and entryAll give those found, in the order asked for', async stores => {
    const store = await stores.open(json<number>())
    await fill(store, [
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ])
    await one(store.put$('c', 4))
    const keys = ['c', 'none', 'a', 'c', 'neither']
    assert.deepEqual([...(await one(store.getAll$(keys)))], [['c', 4], ['a', 1]]) // biome-ignore format: a row each
    assert.deepEqual(
      [...(await one(store.entryAll$(keys)))],
      [
        ['c', { key: 'c', value: 4, version: 1 }],
        ['a', { key: 'a', value: 1, version: 0 }],
      ],
    )
  })

  it('takes any iterable, anew at each subscription', async stores => {
    const store = await stores.open(json<number>())
    const entries = new Map([
      [together('a'), 1],
      [together('b'), 2],
    ])
    assert.deepEqual(
      (await one(store.putAll$(entries))).map(({ key }) => key),
      [together('a'), together('b')],
    )
    assert.equal((await one(store.getAll$(new Set([together('a'), together('b')])))).size, 2)
    const delete$ = store.deleteAll$([...entries.keys()])
    assert.equal(await one(delete$), 2)
    assert.equal(await one(delete$), 0)
  })

  it('putAll writes all and gives the entries in the order given', async stores => {
    const store = await stores.open(json<number>())
    await one(store.put$(together('b'), 0))
    const written = await one(
      store.putAll$([
        [together('c'), 3],
        [together('b'), 2],
        [together('a'), 1],
      ]),
    )
    assert.deepEqual(written, [
      { key: together('c'), value: 3, version: 0 },
      { key: together('b'), value: 2, version: 1 },
      { key: together('a'), value: 1, version: 0 },
    ])
    assert.deepEqual(await one(store.get$(together('b'))), 2)
  })

  it('putAll writes a key that comes several times as often, the last one stays', async stores => {
    const store = await stores.open(json<number>())
    const written = await one(
      store.putAll$([
        [together('a'), 1],
        [together('b'), 2],
        [together('a'), 3],
      ]),
    )
    assert.deepEqual(
      written.map(({ key, version }) => [key, version]),
      [
        [together('a'), 0],
        [together('b'), 0],
        [together('a'), 1],
      ],
    )
    assert.equal(await one(store.get$(together('a'))), 3)
  })

  it('nothing asked for is nothing done', async stores => {
    const store = await stores.open(json<number>())
    assert.deepEqual(await one(store.getAll$([])), new Map())
    assert.deepEqual(await one(store.entryAll$([])), new Map())
    assert.deepEqual(await one(store.putAll$([])), [])
    assert.equal(await one(store.deleteAll$([])), 0)
    assert.deepEqual(await one(store.transact$([])), [])
  })

  it('delete tells whether there was something, deleteAll how many', async stores => {
    const store = await stores.open(json<number>())
    await fill(
      store,
      ['a', 'b', 'c', 'd'].map(key => [together(key), 1]),
    )
    assert.equal(await one(store.delete$(together('a'))), true)
    assert.equal(await one(store.delete$(together('a'))), false)
    assert.equal(await one(store.deleteAll$(['a', 'b', 'none', 'c'].map(together))), 2)
    assert.deepEqual(await all(store.keys$()), [together('d')])
  })

  it('handles more at once than fits in a batch', async stores => {
    const store = await stores.open(json<number>())
    const keys = numbers(3000).map(n => together(`key-${String(n).padStart(5, '0')}`))
    const written = await one(store.putAll$(keys.map((key, n) => [key, n])))
    assert.equal(written.length, keys.length)
    const found = await one(store.getAll$(keys))
    assert.deepEqual([...found.keys()], keys)
    assert.deepEqual([...found.values()], numbers(3000))
    const single = await Promise.all(keys.map(key => one(store.get$(key))))
    assert.deepEqual(single, numbers(3000))
    assert.equal(await one(store.deleteAll$(keys)), keys.length)
    assert.deepEqual(await all(store.keys$()), [])
  })

  it('keeps the bytes of the codec and nothing around them', async stores => {
    const store = await stores.open(bytes)
    const every = Uint8Array.from(numbers(256))
    for (const value of [every, new Uint8Array(), new Uint8Array([0]), new Uint8Array(70_000).fill(255)]) {
      await one(store.put$('a', value))
      const read = await one(store.get$('a'))
      assert.ok(read instanceof Uint8Array)
      assert.equal(Buffer.compare(read, value), 0)
    }
  })

  it('an empty value is a value, null is a JSON value', async stores => {
    const texts = await stores.open(text)
    await one(texts.put$('empty', ''))
    assert.equal(await one(texts.get$('empty')), '')
    assert.equal((await one(texts.getAll$(['empty']))).has('empty'), true)
    assert.deepEqual(await all(texts.keys$()), ['empty'])
    assert.equal(await one(texts.delete$('empty')), true)
    await texts.close()
    const values = await stores.open(json<null>())
    await one(values.put$('null', null))
    assert.equal(await one(values.get$('null')), null)
    assert.deepEqual(await one(values.entry$('null')), { key: 'null', value: null, version: 0 })
  })

  it('undefined is no value', async stores => {
    const store = await stores.open(json<number | undefined>())
    await one(store.put$('a', 1))
    await fails(store.put$('a', undefined), 'INVALID_ARGUMENT')
    await fails(
      store.putAll$([
        ['b', 1],
        ['a', undefined],
      ]),
      'INVALID_ARGUMENT',
    )
    await fails(store.transact$([{ type: 'put', key: 'a', value: undefined }]), 'INVALID_ARGUMENT')
    assert.deepEqual(await all(store.entries$()), [{ key: 'a', value: 1, version: 0 }])
  })

  it('takes a value as it is when subscribed, whatever becomes of it later', async stores => {
    const store = await stores.open(bytes)
    const value = Uint8Array.of(1, 2)
    const written = one(store.put$('a', value))
    value[0] = 9
    await written
    assert.deepEqual([...(await one(store.get$('a')))!], [1, 2])
  })
}
