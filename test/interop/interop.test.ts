import { firstValueFrom } from 'rxjs'
import { json, type KVStore, text, zookeeperStore } from 'rxkeeper'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { all, one, Recorder } from '../../src/testing/contract/assertions.ts'
import { fold } from '../../src/testing/contract/following.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { Kazoo } from './kazoo.ts'
import { zkCli } from './zk-cli.ts'

interface User {
  readonly name: string
}

const root = freshRoot('interop')
let store: KVStore<User>

beforeAll(async () => {
  store = zookeeperStore({ servers, root, value: json<User>() })
  await firstValueFrom(store.put$('first', { name: 'first' }))
})
afterAll(() => store.close())

describe('Kazoo', () => {
  let kazoo: Kazoo
  beforeAll(() => {
    kazoo = new Kazoo(servers)
  })
  afterAll(() => kazoo[Symbol.asyncDispose]())

  test('reads what a store wrote: key alice is node alice, its data the bytes of the codec', async () => {
    await one(store.put$('alice', { name: 'Alice' }))
    expect(await kazoo.get(`${root}/alice`)).toEqual({ value: '{"name":"Alice"}', version: 0 })
    await one(store.put$('alice', { name: 'Ålice' }))
    expect(await kazoo.get(`${root}/alice`)).toEqual({ value: '{"name":"Ålice"}', version: 1 })
    await one(store.delete$('alice'))
    await expect(kazoo.get(`${root}/alice`)).rejects.toThrow('NoNodeError')
  })

  test('writes what a store watches and reads', async () => {
    using watch = new Recorder(store.watch$('bob'))
    await watch.until(({ values }) => values.length > 0)
    await kazoo.create(`${root}/bob`, '{"name":"Bob"}')
    await watch.untilLast({ name: 'Bob' })
    expect(await one(store.entry$('bob'))).toEqual({ key: 'bob', value: { name: 'Bob' }, version: 0 })
    await kazoo.set(`${root}/bob`, ' { "name" : "Bobby" } ')
    await watch.untilLast({ name: 'Bobby' })
    await kazoo.delete(`${root}/bob`)
    await watch.until(({ values }) => values.at(-1) === undefined)
    expect(await one(store.get$('bob'))).toBeUndefined()
    await kazoo.create(`${root}/bob`, '{"name":"Bob"}')
    await watch.untilLast({ name: 'Bob' })
    expect(watch.values).toEqual([undefined, { name: 'Bob' }, { name: 'Bobby' }, undefined, { name: 'Bob' }])
  })

  test('shares versions with a store: each is refused where the other was faster', async () => {
    const { version } = await one(store.put$('carol', { name: 'Carol' }))
    expect(await kazoo.set(`${root}/carol`, '{"name":"C."}', version)).toBe(1)
    await expect(one(store.put$('carol', { name: 'x' }, { ifVersion: version }))).rejects.toMatchObject({
      code: 'VERSION_CONFLICT',
    })
    await one(store.put$('carol', { name: 'y' }, { ifVersion: 1 }))
    await expect(kazoo.set(`${root}/carol`, '{}', 1)).rejects.toThrow('BadVersionError')
    expect(await one(store.entry$('carol'))).toEqual({ key: 'carol', value: { name: 'y' }, version: 2 })
  })

  test('is followed by changes, and lists what a store lists', async () => {
    using changes = new Recorder(store.changes$({ prefix: 'd' }))
    await changes.untilLast({ type: 'synced' })
    await kazoo.create(`${root}/d1`, '{"name":"1"}')
    await kazoo.create(`${root}/d2`, '{"name":"2"}')
    await kazoo.set(`${root}/d1`, '{"name":"one"}')
    await kazoo.delete(`${root}/d2`)
    await kazoo.create(`${root}/d3`, '{"name":"3"}')
    await changes.untilLast({ type: 'put', key: 'd3', value: { name: '3' }, version: 0 })
    expect(fold(changes.values)).toEqual(
      new Map([
        ['d1', { value: { name: 'one' }, version: 1 }],
        ['d3', { value: { name: '3' }, version: 0 }],
      ]),
    )
    // The marks of writers are beside the keys; no key has such a name.
    const names = (await kazoo.children(root)).filter(name => name !== '%writers')
    expect(await all(store.keys$())).toEqual(names)
  })

  test('knows keys that are no names as percent-encoded ones, both ways', async () => {
    await one(store.put$('x/y 50%', { name: 'encoded' }))
    expect(await kazoo.get(`${root}/x%2Fy 50%25`)).toEqual({ value: '{"name":"encoded"}', version: 0 })
    await kazoo.create(`${root}/%F0%9F%98%80`, '{"name":"smile"}')
    expect(await one(store.get$('😀'))).toEqual({ name: 'smile' })
    await kazoo.create(`${root}/größe`, '{"name":"as it is"}')
    expect(await one(store.get$('größe'))).toEqual({ name: 'as it is' })
    // A name that no key has is none of the store's.
    await kazoo.create(`${root}/50%`, 'not ours')
    expect(await all(store.keys$({ from: '5', to: '6' }))).toEqual([])
  })

  test('makes a value that the codec does not take an error of that key alone', async () => {
    await kazoo.create(`${root}/broken`, 'no JSON')
    await expect(one(store.get$('broken'))).rejects.toMatchObject({ code: 'CODEC', key: 'broken' })
    expect(await one(store.get$('first'))).toEqual({ name: 'first' })
    await kazoo.delete(`${root}/broken`)
  })
})

test('zkCli.sh reads what a store wrote, and writes what a store watches', async () => {
  const cliRoot = freshRoot('zkcli')
  await using texts = zookeeperStore({ servers, root: cliRoot, value: text })
  await one(texts.put$('alice', 'from the store'))
  using alice = new Recorder(texts.watch$('alice'))
  using bob = new Recorder(texts.watch$('bob'))
  await alice.untilLast('from the store')
  await bob.until(({ values }) => values.length > 0)
  const printed = await zkCli(
    servers,
    `get -s ${cliRoot}/alice`,
    `set ${cliRoot}/alice "from zkCli"`,
    `create ${cliRoot}/bob new`,
    `ls ${cliRoot}`,
  )
  expect(printed).toMatch(/^from the store$/m)
  expect(printed).toMatch(/^dataVersion = 0$/m)
  expect(printed).toMatch(/^\[alice, bob\]$/m)
  await alice.untilLast('from zkCli')
  await bob.untilLast('new')
  expect(await one(texts.entry$('alice'))).toEqual({ key: 'alice', value: 'from zkCli', version: 1 })
  await zkCli(servers, `delete ${cliRoot}/alice`)
  await alice.until(({ values }) => values.at(-1) === undefined)
  expect(await all(texts.keys$())).toEqual(['bob'])
})
