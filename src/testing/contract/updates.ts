import assert from 'node:assert/strict'
import { json } from '../../codecs.ts'
import { all, fails, numbers, one } from './assertions.ts'
import type { Suite } from './place.ts'

const increment = (count = 0): number => count + 1

/** update: atomic read-modify-write. */
export function updates({ it, capabilities }: Suite): void {
  it('update computes from what is there', async stores => {
    const store = await stores.open(json<number>())
    assert.deepEqual(await one(store.update$('a', increment)), { key: 'a', value: 1, version: 0 })
    assert.deepEqual(await one(store.update$('a', increment)), { key: 'a', value: 2, version: 1 })
    assert.equal(await one(store.get$('a')), 2)
  })

  it('a result of undefined deletes', async stores => {
    const store = await stores.open(json<number>())
    assert.equal(await one(store.update$('a', () => undefined)), undefined)
    assert.deepEqual(await all(store.keys$()), [])
    await one(store.put$('a', 1))
    assert.equal(await one(store.update$('a', () => undefined)), undefined)
    assert.deepEqual(await all(store.keys$()), [])
    assert.equal((await one(store.update$('a', increment)))?.version, 0)
  })

  it('updates that are asked for together lose nothing', async stores => {
    const store = await stores.open(json<number>())
    const entries = await Promise.all(numbers(200).map(() => one(store.update$('a', increment))))
    assert.deepEqual(
      entries.map(entry => entry?.value).sort((a, b) => a! - b!),
      numbers(200).map(n => n + 1),
    )
    assert.deepEqual(await one(store.entry$('a')), { key: 'a', value: 200, version: 199 })
  })

  it('updates and deletes that are asked for together lose nothing', async stores => {
    const store = await stores.open(json<number>())
    const toggle = (value: number | undefined): number | undefined => (value === undefined ? 1 : undefined)
    await Promise.all(numbers(51).map(() => one(store.update$('a', toggle))))
    assert.deepEqual(await one(store.entry$('a')), { key: 'a', value: 1, version: 0 })
  })

  it('updates of many keys go their own ways', async stores => {
    const store = await stores.open(json<number>())
    const keys = numbers(50).map(n => `key-${n}`)
    await Promise.all(numbers(6).flatMap(() => keys.map(key => one(store.update$(key, increment)))))
    const found = await one(store.getAll$(keys))
    assert.deepEqual([...found.values()], Array(50).fill(6))
  })

  it('what others write meanwhile is not lost', async stores => {
    const store = await stores.open(json<string[]>())
    const add = (word: string) => one(store.update$('a', (words = []) => [...words, word]))
    await Promise.all([
      add('one'),
      one(store.put$('a', ['put'])),
      add('two'),
      one(store.update$('a', words => words?.filter(word => word !== 'nobody'))),
      add('three'),
    ])
    const words = (await one(store.get$('a')))!
    // The put overwrites the updates before it; all later ones are there.
    assert.equal(words[0], 'put')
    assert.equal(new Set(words).size, words.length)
    assert.ok(words.includes('three'))
  })

  it('a function that throws fails that update alone', async stores => {
    const store = await stores.open(json<number>())
    const cause = new Error('no')
    const results = await Promise.all([
      one(store.update$('a', increment)),
      fails(
        store.update$('a', () => {
          throw cause
        }),
        'CALLBACK',
      ),
      one(store.update$('a', increment)),
      one(store.update$('b', increment)),
    ])
    assert.equal(results[1].cause, cause)
    assert.equal(await one(store.get$('a')), 2)
    assert.equal(await one(store.get$('b')), 1)
  })

  if (!capabilities.shared) return

  it('two stores that count on one key lose no update', async stores => {
    const counters = [await stores.open(json<number>()), await stores.open(json<number>())]
    const rounds = 100
    await Promise.all(
      counters.flatMap(store => [
        // Some concurrently, some one after the other.
        ...numbers(rounds).map(() => one(store.update$('a', increment))),
        (async () => {
          for (let n = 0; n < rounds; n++) await one(store.update$('a', increment))
        })(),
      ]),
    )
    for (const store of counters) {
      assert.deepEqual(await one(store.entry$('a')), { key: 'a', value: 4 * rounds, version: 4 * rounds - 1 })
    }
  })

  it('two stores that count on many keys lose no update', async stores => {
    const counters = [await stores.open(json<number>()), await stores.open(json<number>())]
    const keys = numbers(20).map(n => `key-${n}`)
    await Promise.all(
      counters.flatMap(store =>
        numbers(10).flatMap(() => keys.map(key => one(store.update$(key, increment)))),
      ),
    )
    assert.deepEqual([...(await one(counters[0]!.getAll$(keys))).values()], Array(20).fill(20))
  })

  it('two stores that take turns at deleting and creating lose no update', async stores => {
    const pair = [await stores.open(json<number>()), await stores.open(json<number>())]
    let deleted = 0
    const toggle = (value: number | undefined): number | undefined => (value === undefined ? 1 : undefined)
    await Promise.all(
      pair.flatMap(store =>
        numbers(41).map(async () => {
          if ((await one(store.update$('a', toggle))) === undefined) deleted++
        }),
      ),
    )
    assert.equal(deleted, 41)
    assert.equal(await one(pair[0]!.get$('a')), undefined)
  })
}
