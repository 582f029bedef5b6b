import assert from 'node:assert/strict'
import { take } from 'rxjs'
import type { KVError } from '../../base/errors.ts'
import { json, text } from '../../codecs.ts'
import { all, fails, fill, nextTurn, numbers, one, Recorder } from './assertions.ts'
import type { Case, Suite } from './place.ts'

/** Cases from Apache Samza's other tests of stores, caches and tables. */
export function samzaOthers({ it, capabilities }: Suite): void {
  it('putAllUpdate', async stores => {
    const store = await stores.open(text)
    await fill(store, [
      ['a', '1'],
      ['b', '1'],
    ])
    await fill(store, [
      ['b', '2'],
      ['c', '2'],
    ])
    assert.deepEqual([...(await one(store.getAll$(['a', 'b', 'c']))).values()], ['1', '2', '2'])
  })

  it('putEmptyValue', async stores => {
    const store = await stores.open(text)
    await one(store.put$('empty', ''))
    assert.equal(await one(store.get$('empty')), '')
  })

  it('rangeWithUpdate', async stores => {
    const store = await stores.open(text)
    await fill(store, [
      ['a', '1'],
      ['b', '1'],
      ['c', '1'],
    ])
    assert.equal((await all(store.entries$({ from: 'a', to: 'c' }))).length, 2)
    await one(store.put$('b', '2'))
    await one(store.put$('bb', '3'))
    await one(store.delete$('a'))
    assert.deepEqual(
      (await all(store.entries$({ from: 'a', to: 'c' }))).map(({ key, value }) => [key, value]),
      [
        ['b', '2'],
        ['bb', '3'],
      ],
    )
  })

  it('snapshotImmutable', async stores => {
    const store = await stores.open(json<number[]>())
    await one(store.put$('a', [1]))
    const listed = await all(store.entries$())
    const found = await one(store.getAll$(['a']))
    await one(store.put$('a', [2]))
    await one(store.put$('b', [3]))
    assert.deepEqual(listed, [{ key: 'a', value: [1], version: 0 }])
    assert.deepEqual([...found], [['a', [1]]])
  })

  it('LRU eviction: a cache smaller than the data changes nothing that is read', async stores => {
    const store = await stores.open(json<number>(), { cache: 10 })
    const keys = numbers(30).map(n => `key-${n}`)
    await fill(
      store,
      keys.map((key, n) => [key, n]),
    )
    for (const round of numbers(3)) {
      for (const [n, key] of keys.entries()) assert.equal(await one(store.get$(key)), n + 100 * round)
      assert.equal((await one(store.getAll$(keys))).size, 30)
      await Promise.all(keys.map((key, n) => one(store.put$(key, n + 100 * (round + 1)))))
    }
  })

  it('getAfterClose', async stores => {
    const store = await stores.open(text)
    await one(store.put$('a', 'a'))
    await store.close()
    await fails(store.get$('a'), 'CLOSED')
    await fails(store.getAll$(['a']), 'CLOSED')
    await fails(store.entries$(), 'CLOSED')
  })

  it('flushAfterClose: what was accepted is written, what comes later is refused', async stores => {
    const store = await stores.open(text)
    const written = one(store.put$('a', 'a'))
    await store.close()
    await written
    await fails(store.put$('b', 'b'), 'CLOSED')
    if (!capabilities.durable) return
    const again = await stores.open(text)
    assert.deepEqual(await all(again.keys$()), ['a'])
  })

  it('interrupted restore: a listing that was given up leaves the next one whole', async stores => {
    const store = await stores.open(json<number>())
    await fill(
      store,
      numbers(300).map(n => [`key-${n}`, n]),
    )
    for (const n of numbers(5)) assert.equal((await all(store.entries$().pipe(take(n + 1)))).length, n + 1)
    store.entries$().subscribe().unsubscribe()
    assert.equal((await all(store.entries$())).length, 300)
  })

  it('duplicate batched get: each who asks is answered', async stores => {
    const store = await stores.open(text)
    await one(store.put$('a', 'v'))
    const reads = numbers(100).map(n => one(store.get$(n % 2 === 0 ? 'a' : 'none')))
    reads.push(one(store.getAll$(['a', 'a', 'a'])).then(found => found.get('a')))
    assert.deepEqual(
      await Promise.all(reads),
      numbers(101).map(n => (n % 2 === 0 ? 'v' : undefined)),
    )
  })

  it('end of stream waits for what is in flight', async stores => {
    const store = await stores.open(json<number>())
    let settled = 0
    for (const n of numbers(300)) store.put$(`key-${n}`, n).subscribe({ complete: () => settled++ })
    await nextTurn()
    await store.close()
    assert.equal(settled, 300)
  })

  const broken = new Error('broken')
  const errorsPropagate = async (stores: Case, check: (error: KVError) => void) => {
    const store = await stores.open<string>({
      encode: value => text.encode(value),
      decode: () => {
        throw broken
      },
    })
    await one(store.put$('a', 'v'))
    using watch = new Recorder(store.watch$('a'))
    for (const call$ of [store.get$('a'), store.getAll$(['a']), store.entries$(), store.changes$()]) {
      check(await fails(call$, 'CODEC'))
    }
    await watch.untilEnd()
    check(watch.error as KVError)
  }

  it('errors propagate', stores => errorsPropagate(stores, ({ code }) => assert.equal(code, 'CODEC')))

  it('what the codec throws is the cause', stores =>
    errorsPropagate(stores, ({ cause }) => assert.equal(cause, broken)))
}
