import { firstValueFrom, toArray } from 'rxjs'
import { type KVStore, text } from 'rxkeeper'
import { lmdbStore } from 'rxkeeper/lmdb'
import { expect, test } from 'vitest'
import { temporaryFolder } from './temporary.ts'

const keys = (store: KVStore<string>, reverse = false) =>
  firstValueFrom(store.keys$({ reverse }).pipe(toArray()))

test('a root does not see the keys of another, whatever their names', async () => {
  const path = temporaryFolder()
  const roots = ['', 'a', 'a\x01', 'aa', 'a/b', 'm', 'r', 'ra', 'é', '\u{10ffff}']
  const stores = roots.map(root => lmdbStore({ path, root, value: text }))
  for (const [i, store] of stores.entries()) {
    await firstValueFrom(store.putAll$([...roots.slice(1), '\x01'].map(key => [key, `${i} ${key}`])))
  }
  const expected = await keys(stores[0]!)
  expect(new Set(expected)).toEqual(new Set([...roots.slice(1), '\x01']))
  for (const [i, store] of stores.entries()) {
    expect(await keys(store)).toEqual(expected)
    expect(await keys(store, true)).toEqual(expected.toReversed())
    expect(await firstValueFrom(store.get$('a'))).toBe(`${i} a`)
  }
  await firstValueFrom(stores[1]!.deleteAll$(expected))
  expect(await keys(stores[1]!)).toEqual([])
  for (const store of [stores[0]!, ...stores.slice(2)]) expect(await keys(store)).toEqual(expected)
  for (const store of stores) await store.close()
})

test('a root shortens what is left for keys, to the byte', async () => {
  await using store = lmdbStore({ path: temporaryFolder(), root: 'é'.repeat(256), value: text })
  const longest = 'k'.repeat(1976 - 512)
  await firstValueFrom(store.put$(longest, 'here'))
  expect(await firstValueFrom(store.get$(longest))).toBe('here')
  expect(await keys(store)).toEqual([longest])
  await expect(firstValueFrom(store.put$(`${longest}k`, 'x'))).rejects.toMatchObject({ code: 'INVALID_KEY' })
})

test('bounds that are longer than a key can be still mean what they say', async () => {
  await using store = lmdbStore({ path: temporaryFolder(), value: text })
  const longest = `${'k'.repeat(1973)}€`
  const all = ['j', 'k', 'k'.repeat(1973), `${'k'.repeat(1973)}zz`, longest, 'l']
  for (const key of all) await firstValueFrom(store.put$(key, ''))
  for (const bound of [`${longest}k`, `${'k'.repeat(1973)}z€`, `${'k'.repeat(1974)}€`, 'k'.repeat(3000)]) {
    for (const reverse of [false, true]) {
      const inOrder = (keys: string[]) => (reverse ? keys.toReversed() : keys)
      const listed = (range: { from?: string; to?: string }) =>
        firstValueFrom(store.keys$({ ...range, reverse }).pipe(toArray()))
      expect(await listed({ to: bound })).toEqual(inOrder(all.filter(key => key < bound)))
      expect(await listed({ from: bound })).toEqual(inOrder(all.filter(key => key >= bound)))
    }
  }
})
