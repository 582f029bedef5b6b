import assert from 'node:assert/strict'
import { json } from '../../codecs.ts'
import { all, fails, one } from './assertions.ts'
import type { Suite } from './place.ts'
import { versionsGoRound } from './versions.ts'

/** `ifVersion` of put and delete, up to the end of the version range. */
export function conditions(suite: Suite): void {
  const { it, capabilities } = suite
  if (capabilities.ages) versionsGoRound(suite)

  it('put with ifVersion writes at that version only', async stores => {
    const store = await stores.open(json<number>())
    await one(store.put$('a', 0))
    await one(store.put$('a', 1))
    for (const ifVersion of [0, 2, 100]) {
      const error = await fails(store.put$('a', 9, { ifVersion }), 'VERSION_CONFLICT')
      assert.equal(error.key, 'a')
    }
    assert.equal(await one(store.get$('a')), 1)
    assert.deepEqual(await one(store.put$('a', 2, { ifVersion: 1 })), { key: 'a', value: 2, version: 2 })
    await fails(store.put$('a', 3, { ifVersion: 1 }), 'VERSION_CONFLICT')
    assert.deepEqual(await one(store.entry$('a')), { key: 'a', value: 2, version: 2 })
  })

  it('version 0 is a version like any other', async stores => {
    const store = await stores.open(json<number>())
    await one(store.put$('a', 0))
    assert.equal((await one(store.put$('a', 1, { ifVersion: 0 }))).version, 1)
    await fails(store.put$('a', 2, { ifVersion: 0 }), 'VERSION_CONFLICT')
    await fails(store.delete$('a', { ifVersion: 0 }), 'VERSION_CONFLICT')
    assert.deepEqual(await one(store.entry$('a')), { key: 'a', value: 1, version: 1 })
  })

  it('no version is that of an absent key', async stores => {
    const store = await stores.open(json<number>())
    await fails(store.put$('a', 1, { ifVersion: 0 }), 'VERSION_CONFLICT')
    await fails(store.delete$('a', { ifVersion: 0 }), 'VERSION_CONFLICT')
    assert.deepEqual(await all(store.keys$()), [])
  })

  it('put with ifVersion absent creates only', async stores => {
    const store = await stores.open(json<number>())
    assert.equal((await one(store.put$('a', 1, { ifVersion: 'absent' }))).version, 0)
    await fails(store.put$('a', 2, { ifVersion: 'absent' }), 'VERSION_CONFLICT')
    assert.equal(await one(store.get$('a')), 1)
    await one(store.delete$('a'))
    assert.equal((await one(store.put$('a', 3, { ifVersion: 'absent' }))).version, 0)
  })

  it('delete with ifVersion deletes at that version only', async stores => {
    const store = await stores.open(json<number>())
    await one(store.put$('a', 0))
    await one(store.put$('a', 1))
    await fails(store.delete$('a', { ifVersion: 0 }), 'VERSION_CONFLICT')
    assert.equal(await one(store.get$('a')), 1)
    assert.equal(await one(store.delete$('a', { ifVersion: 1 })), true)
    assert.equal(await one(store.get$('a')), undefined)
  })

  it('of many that expect the same version one wins', async stores => {
    const store = await stores.open(json<number>())
    await one(store.put$('a', -1))
    const results = await Promise.allSettled(
      [0, 1, 2, 3, 4].map(n => one(store.put$('a', n, { ifVersion: 0 }))),
    )
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
    assert.equal((await one(store.entry$('a')))?.version, 1)
  })

  it('refuses what is no version', async stores => {
    const store = await stores.open(json<number>())
    for (const ifVersion of [
      -1,
      1.5,
      Number.NaN,
      2 ** 31,
      -(2 ** 31) - 1,
      '0' as unknown as number,
      null as unknown as number,
    ]) {
      await fails(store.put$('a', 1, { ifVersion }), 'INVALID_ARGUMENT')
      await fails(store.delete$('a', { ifVersion }), 'INVALID_ARGUMENT')
      await fails(store.transact$([{ type: 'check', key: 'a', ifVersion }]), 'INVALID_ARGUMENT')
    }
    assert.deepEqual(await all(store.keys$()), [])
  })
}
