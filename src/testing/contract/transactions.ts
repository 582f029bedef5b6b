import assert from 'node:assert/strict'
import { json } from '../../codecs.ts'
import type { Mutation } from '../../store/kv-store.ts'
import { all, fails, numbers, one, together } from './assertions.ts'
import type { Suite } from './place.ts'

/** transact and putAll: all or none. */
export function transactions({ it }: Suite): void {
  it('transact does any mix and gives a result for each', async stores => {
    const store = await stores.open(json<number>())
    await one(
      store.putAll$([
        [together('changed'), 1],
        [together('deleted'), 1],
        [together('checked'), 1],
      ]),
    )
    const results = await one(
      store.transact$([
        { type: 'put', key: together('new'), value: 1 },
        { type: 'put', key: together('changed'), value: 2, ifVersion: 0 },
        { type: 'delete', key: together('deleted'), ifVersion: 0 },
        { type: 'delete', key: together('none') },
        { type: 'check', key: together('checked'), ifVersion: 0 },
        { type: 'check', key: together('nobody'), ifVersion: 'absent' },
        { type: 'put', key: together('created'), value: 3, ifVersion: 'absent' },
      ]),
    )
    assert.deepEqual(results, [
      { type: 'put', entry: { key: together('new'), value: 1, version: 0 } },
      { type: 'put', entry: { key: together('changed'), value: 2, version: 1 } },
      { type: 'delete', existed: true },
      { type: 'delete', existed: false },
      { type: 'check' },
      { type: 'check' },
      { type: 'put', entry: { key: together('created'), value: 3, version: 0 } },
    ])
    assert.deepEqual(await all(store.entries$()), [
      { key: together('changed'), value: 2, version: 1 },
      { key: together('checked'), value: 1, version: 0 },
      { key: together('created'), value: 3, version: 0 },
      { key: together('new'), value: 1, version: 0 },
    ])
  })

  const failing: [what: string, write: Mutation<number>][] = [
    ['put at another version', { type: 'put', key: together('a'), value: 9, ifVersion: 7 }],
    ['put of a key that is there', { type: 'put', key: together('a'), value: 9, ifVersion: 'absent' }],
    [
      'put at a version of a key that is not there',
      { type: 'put', key: together('none'), value: 9, ifVersion: 0 },
    ],
    ['delete at another version', { type: 'delete', key: together('a'), ifVersion: 7 }],
    [
      'delete at a version of a key that is not there',
      { type: 'delete', key: together('none'), ifVersion: 0 },
    ],
    ['check of another version', { type: 'check', key: together('a'), ifVersion: 7 }],
    ['check of a version of a key that is not there', { type: 'check', key: together('none'), ifVersion: 0 }],
    ['check that a key is absent which is there', { type: 'check', key: together('a'), ifVersion: 'absent' }],
  ]
  for (const [what, write] of failing) {
    for (const [place, position] of [
      ['first', 0],
      ['amidst', 2],
      ['last', 4],
    ] as const) {
      it(`transact writes nothing where it fails ${place}: ${what}`, async stores => {
        const store = await stores.open(json<number>())
        await one(
          store.putAll$([
            [together('a'), 1],
            [together('b'), 1],
          ]),
        )
        const before = await all(store.entries$())
        const writes: Mutation<number>[] = [
          { type: 'put', key: together('b'), value: 2 },
          { type: 'put', key: together('c'), value: 2 },
          { type: 'delete', key: together('b') },
          { type: 'put', key: together('d'), value: 2, ifVersion: 'absent' },
        ]
        const error = await fails(store.transact$(writes.toSpliced(position, 0, write)), 'VERSION_CONFLICT')
        assert.equal(error.key, write.key)
        assert.deepEqual(await all(store.entries$()), before)
      })
    }
  }

  it('transact sees its own earlier writes', async stores => {
    const store = await stores.open(json<number>())
    const results = await one(
      store.transact$([
        { type: 'put', key: together('a'), value: 1, ifVersion: 'absent' },
        { type: 'put', key: together('a'), value: 2, ifVersion: 0 },
        { type: 'check', key: together('a'), ifVersion: 1 },
        { type: 'delete', key: together('a'), ifVersion: 1 },
        { type: 'check', key: together('a'), ifVersion: 'absent' },
        { type: 'delete', key: together('a') },
        { type: 'put', key: together('a'), value: 3 },
        { type: 'put', key: together('a'), value: 4 },
      ]),
    )
    assert.deepEqual(results, [
      { type: 'put', entry: { key: together('a'), value: 1, version: 0 } },
      { type: 'put', entry: { key: together('a'), value: 2, version: 1 } },
      { type: 'check' },
      { type: 'delete', existed: true },
      { type: 'check' },
      { type: 'delete', existed: false },
      { type: 'put', entry: { key: together('a'), value: 3, version: 0 } },
      { type: 'put', entry: { key: together('a'), value: 4, version: 1 } },
    ])
    assert.deepEqual(await one(store.entry$(together('a'))), { key: together('a'), value: 4, version: 1 })
  })

  it('transact counts on from the version that is there, whatever came before', async stores => {
    const store = await stores.open(json<number>())
    for (const round of numbers(3)) {
      // New keys, then existing ones: an engine that guesses is wrong both times.
      await one(store.putAll$(numbers(40).map(n => [together(`new-${round}-${n}`), n])))
      await one(store.put$(together('a'), round))
      const version = (await one(store.entry$(together('a'))))!.version
      const writes: Mutation<number>[] = [
        { type: 'put', key: together('a'), value: 1 },
        { type: 'check', key: together('a'), ifVersion: version + 1 },
        { type: 'put', key: together('a'), value: 2, ifVersion: version + 1 },
        { type: 'put', key: together(`b-${round}`), value: 1 },
        { type: 'check', key: together(`b-${round}`), ifVersion: 0 },
      ]
      const wrong: Mutation<number> = { type: 'check', key: together(`b-${round}`), ifVersion: 1 }
      await fails(store.transact$([...writes, wrong]), 'VERSION_CONFLICT')
      await one(store.transact$(writes))
      assert.deepEqual(await one(store.entry$(together('a'))), {
        key: together('a'),
        value: 2,
        version: version + 2,
      })
      for (const n of numbers(40)) await one(store.put$(together('a'), n))
    }
  })

  it('checks alone are a transaction', async stores => {
    const store = await stores.open(json<number>())
    await one(store.put$(together('a'), 1))
    const held = store.transact$([
      { type: 'check', key: together('a'), ifVersion: 0 },
      { type: 'check', key: together('b'), ifVersion: 'absent' },
    ])
    assert.deepEqual(await one(held), [{ type: 'check' }, { type: 'check' }])
    await one(store.put$(together('b'), 1))
    await fails(held, 'VERSION_CONFLICT')
    assert.deepEqual(await one(store.entry$(together('a'))), { key: together('a'), value: 1, version: 0 })
    assert.equal((await one(store.entry$(together('b'))))?.version, 0)
  })

  it('transactions that are asked for together are carried out in order', async stores => {
    const store = await stores.open(json<number>())
    const results = await Promise.all([
      one(store.put$(together('a'), 1)),
      one(
        store.transact$([
          { type: 'check', key: together('a'), ifVersion: 0 },
          { type: 'put', key: together('b'), value: 1 },
        ]),
      ),
      one(store.put$(together('b'), 2)),
      one(
        store.transact$([
          { type: 'put', key: together('a'), value: 3, ifVersion: 0 },
          { type: 'put', key: together('b'), value: 3 },
        ]),
      ),
      one(store.delete$(together('a'), { ifVersion: 1 })),
    ])
    assert.equal(results[4], true)
    assert.deepEqual(await all(store.entries$()), [{ key: together('b'), value: 3, version: 2 }])
  })

  it('putAll writes nothing where one key is invalid', async stores => {
    const store = await stores.open(json<number>())
    await fails(
      store.putAll$([
        [together('a'), 1],
        ['', 2],
        [together('b'), 3],
      ]),
      'INVALID_KEY',
    )
    await fails(
      store.transact$([
        { type: 'put', key: together('a'), value: 1 },
        { type: 'delete', key: '' },
      ]),
      'INVALID_KEY',
    )
    await fails(store.deleteAll$(['a', '']), 'INVALID_KEY')
    await fails(store.getAll$(['a', '']), 'INVALID_KEY')
    assert.deepEqual(await all(store.keys$()), [])
  })
}
