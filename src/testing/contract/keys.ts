import assert from 'node:assert/strict'
import { json } from '../../codecs.ts'
import type { KVStore } from '../../store/kv-store.ts'
import { all, fails, fill, numbers, one, Recorder, together } from './assertions.ts'
import type { Suite } from './place.ts'

/** Keys that a store might mistake for something else. */
const NASTY = [
  '.',
  '..',
  '...',
  '.a',
  '/',
  '//',
  '/a',
  'a/',
  'a/b',
  'a//b',
  './a',
  '../a',
  'a/../b',
  'a/./b',
  '/..',
  'zookeeper',
  'zookeeper/quota',
  '/zookeeper',
  '%',
  '%%',
  '%2',
  '%2F',
  '%2f',
  '%41',
  '%zz',
  '%252F',
  'a%',
  ' ',
  ' a ',
  '\0',
  'a\0b',
  '\u0001',
  '\t',
  '\n',
  '\r\n',
  '\u001f',
  '\u007f',
  '\u0080',
  '\u009f',
  '\u00a0',
  '\u200b',
  '\u202e',
  '\ud7ff',
  '\ue000',
  '\uf8ff',
  '\ufeff',
  '\ufff0',
  '\ufffd',
  '\uffff',
  'é',
  'e\u0301',
  'ß',
  'İ',
  '😀',
  '👩‍👩‍👧',
  '\u{10ffff}',
  'constructor',
  '__proto__',
  'undefined',
  'null',
  '0',
  '-1',
  'A',
  'a',
  '*',
  '?',
  '\\',
  '"',
  "'",
  '{}',
  'x'.repeat(150),
]

/** Any non-empty, well-formed string is a key. */
export function anyKey({ it, capabilities }: Suite): void {
  it('takes any key there may be, and no two are the same', async stores => {
    const store = await stores.open(json<number>())
    await Promise.all(NASTY.map((key, n) => one(store.put$(key, n))))
    assert.deepEqual(
      await Promise.all(NASTY.map(key => one(store.get$(key)))),
      NASTY.map((_, n) => n),
    )
    assert.deepEqual([...(await one(store.getAll$(NASTY))).keys()], NASTY)
    const sorted = [...NASTY].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    assert.deepEqual(await all(store.keys$()), sorted)
    assert.deepEqual(
      (await all(store.entries$())).map(({ key, value }) => [key, value]),
      sorted.map(key => [key, NASTY.indexOf(key)]),
    )
  })

  it('deletes any key and no other', async stores => {
    const store = await stores.open(json<number>())
    await fill(
      store,
      NASTY.map(key => [key, 1]),
    )
    const left = new Set(NASTY)
    for (const key of NASTY) {
      assert.equal(await one(store.delete$(key)), true)
      left.delete(key)
      assert.equal((await one(store.getAll$(NASTY))).size, left.size)
    }
    assert.deepEqual(await all(store.keys$()), [])
  })

  it('watches and transacts on any key', async stores => {
    const store = await stores.open(json<number>())
    const keys = NASTY.map(together)
    const watches = keys.map(key => new Recorder(store.watch$(key)))
    using changes = new Recorder(store.changes$())
    await Promise.all(watches.map(watch => watch.until(({ values }) => values.length > 0)))
    await one(store.transact$(keys.map((key, n) => ({ type: 'put', key, value: n, ifVersion: 'absent' }))))
    await Promise.all(watches.map((watch, n) => watch.untilLast(n)))
    await changes.until(({ values }) => {
      const seen = new Set(values.flatMap(change => (change.type === 'put' ? [change.key] : [])))
      return seen.size === keys.length && keys.every(key => seen.has(key))
    })
    for (const watch of watches) watch[Symbol.dispose]()
  })

  it('takes a list of prefixes apart as text, not as paths', async stores => {
    const store = await stores.open(json<number>())
    const keys = ['a', 'a.', 'a/', 'a/b', 'a/b/c', 'a0', 'ab']
    await fill(
      store,
      keys.map(key => [key, 1]),
    )
    assert.deepEqual(await all(store.keys$({ prefix: 'a/' })), ['a/', 'a/b', 'a/b/c'])
    assert.deepEqual(await all(store.keys$({ prefix: 'a/b' })), ['a/b', 'a/b/c'])
    assert.equal(await one(store.delete$('a')), true)
    assert.deepEqual(await all(store.keys$()), keys.slice(1))
  })

  const WRONG: [what: string, key: unknown][] = [
    ['an empty string', ''],
    ['a lone high surrogate', '\ud800'],
    ['a lone low surrogate', 'a\udfffb'],
    ['surrogates the wrong way round', '\udc00\ud800'],
    ['undefined', undefined],
    ['null', null],
    ['a number', 1],
    ['an object', {}],
  ]
  const calls: Record<string, (store: KVStore<number>, key: string) => Parameters<typeof fails>[0]> = {
    get$: (store, key) => store.get$(key),
    entry$: (store, key) => store.entry$(key),
    getAll$: (store, key) => store.getAll$(['a', key]),
    entryAll$: (store, key) => store.entryAll$([key]),
    put$: (store, key) => store.put$(key, 1),
    putAll$: (store, key) =>
      store.putAll$([
        ['a', 1],
        [key, 1],
      ]),
    delete$: (store, key) => store.delete$(key),
    deleteAll$: (store, key) => store.deleteAll$(['a', key]),
    update$: (store, key) => store.update$(key, () => 1),
    'transact$ put': (store, key) => store.transact$([{ type: 'put', key, value: 1 }]),
    'transact$ delete': (store, key) => store.transact$([{ type: 'delete', key }]),
    'transact$ check': (store, key) => store.transact$([{ type: 'check', key, ifVersion: 'absent' }]),
    watch$: (store, key) => store.watch$(key),
  }
  for (const [name, call] of Object.entries(calls)) {
    it(`${name} refuses what is no key`, async stores => {
      const store = await stores.open(json<number>())
      for (const [, key] of WRONG) await fails(call(store, key as string), 'INVALID_KEY')
      assert.deepEqual(await all(store.keys$()), [])
    })
  }

  const { keyBytes } = capabilities
  if (keyBytes === undefined) return

  it('takes the longest key, and refuses a longer one', async stores => {
    const store = await stores.open(json<number>())
    const longest = [
      'x'.repeat(keyBytes),
      'y'.repeat(keyBytes - 1),
      `z${'é'.repeat(Math.floor((keyBytes - 1) / 2))}`,
    ]
    await Promise.all(longest.map((key, n) => one(store.put$(key, n))))
    assert.deepEqual(await Promise.all(longest.map(key => one(store.get$(key)))), numbers(longest.length))
    assert.deepEqual((await all(store.keys$())).length, longest.length)
    for (const key of ['x'.repeat(keyBytes + 1), 'é'.repeat(Math.floor(keyBytes / 2) + 1)]) {
      for (const call of Object.values(calls)) await fails(call(store, key), 'INVALID_KEY')
    }
  })
}
