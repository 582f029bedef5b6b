import assert from 'node:assert/strict'
import { config } from 'rxjs'
import { bytes, type Codec, json } from '../../codecs.ts'
import { all, fails, fill, nextTurn, numbers, one, Recorder, together } from './assertions.ts'
import type { Suite } from './place.ts'

/** Refuses negative numbers in both directions; 13 can be written but not read. */
const picky: Codec<number> = {
  encode(value) {
    if (value < 0) throw new RangeError('negative')
    if (value === 7) return 'seven' as unknown as Uint8Array
    return json<number>().encode(value)
  },
  decode(encoded) {
    const value = json<number>().decode(encoded)
    if (value === 13) throw new RangeError('unlucky')
    return value
  },
}

/** A bad record affects only itself. */
export function isolation({ it, capabilities }: Suite): void {
  it('a codec that throws or makes no bytes fails that write alone', async stores => {
    const store = await stores.open(picky)
    const results = await Promise.all([
      one(store.put$('a', 1)),
      fails(store.put$('b', -1), 'CODEC'),
      fails(store.put$('c', 7), 'CODEC'),
      one(store.put$('d', 4)),
      fails(
        store.putAll$([
          ['e', 1],
          ['f', -1],
        ]),
        'CODEC',
      ),
      one(
        store.putAll$([
          [together('g'), 1],
          [together('h'), 2],
        ]),
      ),
      fails(
        store.update$('a', () => -1),
        'CODEC',
      ),
      one(store.update$('a', count => count! + 1)),
    ])
    assert.ok(results[1].cause instanceof RangeError)
    assert.equal(results[1].key, 'b')
    assert.deepEqual(
      (await all(store.entries$())).map(({ key, value }) => [key, value]),
      [
        ['a', 2],
        ['d', 4],
        [together('g'), 1],
        [together('h'), 2],
      ],
    )
  })

  it('a value that cannot be decoded fails those who read it alone', async stores => {
    const store = await stores.open(picky)
    await fill(store, [
      ['a', 1],
      ['bad', 13],
      ['c', 3],
    ])
    const results = await Promise.all([
      one(store.get$('a')),
      fails(store.get$('bad'), 'CODEC'),
      fails(store.entry$('bad'), 'CODEC'),
      fails(store.getAll$(['a', 'bad', 'c']), 'CODEC'),
      fails(
        store.update$('bad', () => 1),
        'CODEC',
      ),
      one(store.get$('c')),
      one(store.getAll$(['a', 'c'])),
    ])
    assert.equal(results[1].key, 'bad')
    assert.deepEqual([results[0], results[5], results[6].size], [1, 3, 2])
    assert.deepEqual(await all(store.keys$()), ['a', 'bad', 'c'])
    await one(store.put$('bad', 2))
    assert.equal(await one(store.get$('bad')), 2)
  })

  it('a condition that does not hold fails that write alone', async stores => {
    const store = await stores.open(json<number>())
    await one(store.put$('b', 1))
    await Promise.all([
      one(store.put$('a', 1)),
      fails(store.put$('b', 2, { ifVersion: 5 }), 'VERSION_CONFLICT'),
      fails(store.put$('b', 2, { ifVersion: 'absent' }), 'VERSION_CONFLICT'),
      fails(store.delete$('b', { ifVersion: 5 }), 'VERSION_CONFLICT'),
      one(store.put$('c', 3)),
      fails(store.put$('none', 1, { ifVersion: 0 }), 'VERSION_CONFLICT'),
      one(store.put$('d', 4)),
    ])
    assert.deepEqual(
      (await all(store.entries$())).map(({ key, value }) => [key, value]),
      [
        ['a', 1],
        ['b', 1],
        ['c', 3],
        ['d', 4],
      ],
    )
  })

  it('an invalid key fails that call alone', async stores => {
    const store = await stores.open(json<number>())
    await Promise.all([
      one(store.put$('a', 1)),
      fails(store.put$('', 2), 'INVALID_KEY'),
      fails(store.get$(''), 'INVALID_KEY'),
      fails(store.delete$('\ud800'), 'INVALID_KEY'),
      one(store.put$('b', 2)),
    ])
    assert.deepEqual(await all(store.keys$()), ['a', 'b'])
  })

  it('a subscriber that throws hurts nobody else', async stores => {
    const store = await stores.open(json<number>())
    const thrown: unknown[] = []
    const { onUnhandledError } = config
    config.onUnhandledError = error => thrown.push(error)
    try {
      using watch = new Recorder(store.watch$('a'))
      const throwing = store.watch$('a').subscribe(() => {
        throw new Error('watch')
      })
      const results = [one(store.put$('a', 1)), one(store.put$('b', 1))]
      for (const key of ['a', 'b', 'c']) {
        store.put$(key, 2).subscribe(() => {
          throw new Error('put')
        })
        store.get$(key).subscribe(() => {
          throw new Error('get')
        })
      }
      results.push(one(store.put$('c', 3)))
      await Promise.all(results)
      await watch.untilLast(2)
      assert.deepEqual([...(await one(store.getAll$(['a', 'b', 'c']))).values()], [2, 2, 3])
      // A watch may be told of each write, or of the last.
      throwing.unsubscribe()
      const others = (): number => thrown.filter(error => (error as Error).message !== 'watch').length
      while (others() < 6 || thrown.length === others()) await nextTurn()
      // RxJS throws what a subscriber throws by a timer: those set before this one come before it.
      await new Promise(resolve => setTimeout(resolve))
    } finally {
      config.onUnhandledError = onUnhandledError
    }
    assert.ok(
      thrown.every(error => error instanceof Error && ['watch', 'put', 'get'].includes(error.message)),
    )
  })

  it('a key that many write to holds up no other', async stores => {
    const store = await stores.open(json<number>())
    const hot = numbers(500).map(n => one(store.put$('hot', n)))
    await one(store.put$('other', 1))
    await Promise.all(hot)
    assert.deepEqual(await one(store.entry$('hot')), { key: 'hot', value: 499, version: 499 })
  })

  const { valueBytes } = capabilities
  if (valueBytes === undefined) return

  it('a value that is too large fails alone', async stores => {
    const store = await stores.open(bytes)
    const tooLarge = new Uint8Array(valueBytes.exceeds)
    const small = Uint8Array.of(1)
    const results = await Promise.all([
      one(store.put$('a', small)),
      fails(store.put$('b', tooLarge), 'VALUE_TOO_LARGE'),
      one(store.put$('c', small)),
      fails(
        store.putAll$([
          ['d', small],
          ['e', tooLarge],
        ]),
        'VALUE_TOO_LARGE',
      ),
      fails(
        store.update$('a', () => tooLarge),
        'VALUE_TOO_LARGE',
      ),
      one(store.put$('f', small)),
    ])
    assert.equal(results[1].key, 'b')
    assert.deepEqual(await all(store.keys$()), ['a', 'c', 'f'])
  })

  it('the largest values are written and read, also many at a time', async stores => {
    const store = await stores.open(bytes)
    const values = numbers(6).map(n => new Uint8Array(valueBytes.fits).fill(n + 1))
    await Promise.all(values.map((value, n) => one(store.put$(`key-${n}`, value))))
    const found = await one(store.getAll$(values.map((_, n) => `key-${n}`)))
    for (const [n, value] of values.entries()) {
      assert.equal(Buffer.compare(found.get(`key-${n}`)!, value), 0)
    }
    assert.equal((await all(store.entries$())).length, values.length)
    await one(store.deleteAll$(values.map((_, n) => `key-${n}`)))
  })
}
