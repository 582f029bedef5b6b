import assert from 'node:assert/strict'
import { take } from 'rxjs'
import { json } from '../../codecs.ts'
import type { ListOptions } from '../../store/kv-store.ts'
import { all, fails, fill, numbers, one } from './assertions.ts'
import type { Suite } from './place.ts'

/** Keys whose order in UTF-8, in UTF-16 and by locale differ. */
const KEYS = [
  '\u0001',
  ' ',
  '%',
  '/',
  'A',
  'Z',
  'a',
  'a/',
  'a/b',
  'aa',
  'ab',
  'b',
  '\u007f',
  'é',
  '\ud7ff',
  '\ue000',
  '\uffee',
  '\uffff',
  '\u{10000}',
  '😀',
  '😀a',
  '\u{10ffff}',
]
const BOUNDS = [...KEYS, undefined, '', '0', 'a0', '\u{10ffff}x']
const PREFIXES = ['', 'a', 'a/', 'ab', 'abc', '\ue000', '\uffff', '😀', '\u{10ffff}', '\ud7ff']

const before = (a: string, b: string): boolean => Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0

/** The expected entries of a range, computed in the simplest way. */
function expected({ from, to, prefix = '', reverse, limit = 1000 }: ListOptions): string[] {
  const keys = [...KEYS]
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .filter(key => key.startsWith(prefix))
    .filter(key => from === undefined || !before(key, from))
    .filter(key => to === undefined || before(key, to))
  return (reverse ? keys.reverse() : keys).slice(0, limit)
}

/** entries and keys: the content of a range, and its order. */
export function ranges({ it }: Suite): void {
  const cases: [name: string, options: ListOptions[]][] = [
    ['all', [{}, { reverse: true }]],
    ['from and to', BOUNDS.flatMap(from => BOUNDS.map(to => ({ from, to })))],
    ['from and to in reverse', BOUNDS.flatMap(from => BOUNDS.map(to => ({ from, to, reverse: true })))],
    ['a prefix', PREFIXES.flatMap(prefix => [{ prefix }, { prefix, reverse: true }])],
    ['a prefix and from', PREFIXES.flatMap(prefix => BOUNDS.map(from => ({ prefix, from })))],
    ['a prefix and to', PREFIXES.flatMap(prefix => BOUNDS.map(to => ({ prefix, to, reverse: true })))],
    [
      'a limit',
      [0, 1, 2, 5, 1000].flatMap(limit => [
        { limit },
        { limit, reverse: true },
        { limit, prefix: 'a' },
        { limit, from: 'a', to: '😀', reverse: true },
      ]),
    ],
  ]
  for (const [name, options] of cases) {
    it(`lists ${name}`, async stores => {
      const store = await stores.open(json<string>())
      await fill(
        store,
        [...KEYS].reverse().map(key => [key, `value of ${key}`]),
      )
      for (const range of options) {
        const keys = expected(range)
        assert.deepEqual(await all(store.keys$(range)), keys, `keys$ of ${JSON.stringify(range)}`)
        assert.deepEqual(
          await all(store.entries$(range)),
          keys.map(key => ({ key, value: `value of ${key}`, version: 0 })),
          `entries$ of ${JSON.stringify(range)}`,
        )
      }
    })
  }

  it('refuses bounds that are none', async stores => {
    const store = await stores.open(json<number>())
    const wrong = [
      { from: '\ud800' },
      { to: 'a\udc00' },
      { prefix: '\ud800' },
      { from: 1 as unknown as string },
      { limit: -1 },
      { limit: 1.5 },
      { limit: Number.NaN },
    ]
    for (const range of wrong) {
      await fails(store.keys$(range), 'INVALID_ARGUMENT')
      await fails(store.entries$(range), 'INVALID_ARGUMENT')
    }
    await fails(store.changes$({ prefix: '\ud800' }), 'INVALID_ARGUMENT')
  })

  it('lists many entries in order, page by page, and stops where nobody wants more', async stores => {
    const store = await stores.open(json<number>())
    const keys = numbers(3000).map(n => `key-${String((n * 7919) % 3000).padStart(5, '0')}`)
    for (const part of [keys.slice(0, 1500), keys.slice(1500)]) {
      await fill(
        store,
        part.map(key => [key, Number(key.slice(4))]),
      )
    }
    const sorted = [...keys].sort()
    assert.deepEqual(await all(store.keys$()), sorted)
    assert.deepEqual(
      (await all(store.entries$({ reverse: true }))).map(({ value }) => value),
      numbers(3000).reverse(),
    )
    assert.deepEqual(await all(store.keys$({ from: 'key-01000', to: 'key-02500' })), sorted.slice(1000, 2500))
    assert.deepEqual(await all(store.keys$().pipe(take(3))), sorted.slice(0, 3))
    assert.equal((await all(store.entries$({ limit: 2500 }))).length, 2500)
  })

  it('sees what was written before it in the same turn', async stores => {
    const store = await stores.open(json<number>())
    await one(store.put$('b', 1))
    const writes = Promise.all([one(store.put$('a', 1)), one(store.put$('b', 2)), one(store.put$('c', 3))])
    await writes
    assert.deepEqual(
      (await all(store.entries$())).map(({ key, value }) => [key, value]),
      [
        ['a', 1],
        ['b', 2],
        ['c', 3],
      ],
    )
  })
}
