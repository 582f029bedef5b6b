import assert from 'node:assert/strict'
import type { Observable } from 'rxjs'
import { json } from '../../codecs.ts'
import { all, nextTurn, numbers, one, together } from './assertions.ts'
import type { Suite } from './place.ts'

/** Observables are cold, can be withdrawn, and keep the order of their subscriptions. */
export function subscriptions({ it }: Suite): void {
  it('nothing is done until somebody subscribes', async stores => {
    const store = await stores.open(json<number>())
    await one(store.put$('there', 1))
    let calls = 0
    store.put$('a', 1)
    store.putAll$([['b', 1]])
    store.delete$('there')
    store.deleteAll$(['there'])
    store.transact$([{ type: 'put', key: 'c', value: 1 }])
    store.update$('there', () => ++calls)
    await nextTurn()
    assert.deepEqual(await all(store.entries$()), [{ key: 'there', value: 1, version: 0 }])
    assert.equal(calls, 0)
  })

  it('each subscription does it anew', async stores => {
    const store = await stores.open(json<number>())
    const put$ = store.put$('a', 1)
    const get$ = store.get$('a')
    const update$ = store.update$('a', count => count! + 1)
    assert.equal(await one(get$), undefined)
    assert.equal((await one(put$)).version, 0)
    assert.equal(await one(get$), 1)
    assert.equal((await one(put$)).version, 1)
    assert.equal((await one(update$))?.value, 2)
    assert.equal((await one(update$))?.value, 3)
    const list$ = store.keys$()
    assert.deepEqual(await all(list$), ['a'])
    await one(store.put$('b', 1))
    assert.deepEqual(await all(list$), ['a', 'b'])
  })

  it('a call never throws, what is wrong comes to the subscriber', async stores => {
    const store = await stores.open(json<number>())
    const wrong = undefined as unknown as string
    const calls: Observable<unknown>[] = [
      store.get$(wrong),
      store.put$(wrong, 1),
      store.watch$(wrong),
      store.delete$(wrong),
    ]
    for (const call$ of calls) {
      let failed = false
      call$.subscribe({ error: () => (failed = true) })
      await nextTurn()
      assert.equal(failed, true)
    }
  })

  it('unsubscribing in the same turn withdraws a write, and no other', async stores => {
    const store = await stores.open(json<number>())
    const [b, gone] = ['b', 'gone'].map(together) as [string, string]
    const kept = [one(store.put$('a', 1))]
    store.put$('a', 2).subscribe().unsubscribe()
    store.put$(gone, 1).subscribe().unsubscribe()
    store
      .putAll$([
        [gone, 1],
        [b, 9],
      ])
      .subscribe()
      .unsubscribe()
    store
      .transact$([{ type: 'put', key: gone, value: 1 }])
      .subscribe()
      .unsubscribe()
    store
      .update$(gone, () => 1)
      .subscribe()
      .unsubscribe()
    store.delete$('a').subscribe().unsubscribe()
    store.deleteAll$(['a']).subscribe().unsubscribe()
    kept.push(one(store.put$(b, 1)))
    const late = store.put$(gone, 3).subscribe()
    kept.push(one(store.put$('c', 1)))
    late.unsubscribe()
    await Promise.all(kept)
    assert.deepEqual(await all(store.entries$()), [
      { key: 'a', value: 1, version: 0 },
      { key: 'c', value: 1, version: 0 },
      { key: b, value: 1, version: 0 },
    ])
  })

  it('unsubscribing from one of many that read the same key leaves the others their answers', async stores => {
    const store = await stores.open(json<number>())
    await one(store.put$('a', 1))
    const heard: unknown[] = []
    const read = () => store.get$('a').subscribe(value => heard.push(value))
    const first = read()
    const answers = [one(store.get$('a')), one(store.getAll$(['a', 'b']))]
    const last = read()
    first.unsubscribe()
    last.unsubscribe()
    assert.deepEqual(await Promise.all(answers), [1, new Map([['a', 1]])])
    assert.deepEqual(heard, [])
  })

  it('unsubscribing while under way leaves everything in order', async stores => {
    const store = await stores.open(json<number>())
    const heard: unknown[] = []
    for (const n of numbers(30)) {
      const subscriptions = [
        store.put$('a', n).subscribe(entry => heard.push(entry)),
        store.update$('u', (count = 0) => count + 1).subscribe(entry => heard.push(entry)),
        store.transact$([{ type: 'put', key: 't', value: n }]).subscribe(entry => heard.push(entry)),
        store.get$('a').subscribe(value => heard.push(value)),
        store.entries$().subscribe(value => heard.push(value)),
      ]
      // Withdrawn at another point in each round.
      for (let turns = n % 4; turns > 0; turns--) await nextTurn()
      for (const subscription of subscriptions) subscription.unsubscribe()
      heard.length = 0
      await nextTurn()
      assert.deepEqual(heard, [])
    }
    await one(store.put$('a', 100))
    await one(store.update$('u', () => 100))
    assert.deepEqual([...(await one(store.getAll$(['a', 'u']))).values()], [100, 100])
  })

  it('writes of one key that are asked for in one turn are carried out in order', async stores => {
    const store = await stores.open(json<number>())
    const entries = await Promise.all(numbers(100).map(n => one(store.put$('a', n))))
    assert.deepEqual(
      entries,
      numbers(100).map(n => ({ key: 'a', value: n, version: n })),
    )
    assert.equal(await one(store.get$('a')), 99)
  })

  it('puts, deletes and conditions of one key are carried out in order', async stores => {
    const store = await stores.open(json<number>())
    const [a, b] = ['a', 'b'].map(together) as [string, string]
    const results = await Promise.all([
      one(store.put$(a, 1)),
      one(store.put$(a, 2, { ifVersion: 0 })),
      one(store.delete$(a, { ifVersion: 1 })),
      one(store.delete$(a)),
      one(store.put$(a, 3, { ifVersion: 'absent' })),
      one(store.deleteAll$([a, b])),
      one(store.put$(a, 4)),
    ])
    assert.deepEqual(results, [
      { key: a, value: 1, version: 0 },
      { key: a, value: 2, version: 1 },
      true,
      false,
      { key: a, value: 3, version: 0 },
      1,
      { key: a, value: 4, version: 0 },
    ])
  })

  it('results of one key come in the order in which they were asked for', async stores => {
    const store = await stores.open(json<number>())
    const order: number[] = []
    await Promise.all(numbers(200).map(n => one(store.put$('a', n)).then(() => order.push(n))))
    assert.deepEqual(order, numbers(200))
  })

  it('a read sees the writes that were asked for before it', async stores => {
    const store = await stores.open(json<number>())
    const reads: Promise<(number | undefined)[]>[] = []
    for (const n of numbers(50)) {
      store.put$('a', n).subscribe()
      store.put$(`key-${n}`, n).subscribe()
      reads.push(Promise.all([one(store.get$('a')), one(store.get$(`key-${n}`))]))
      if (n % 7 === 0) await nextTurn()
    }
    for (const [n, [a, own]] of (await Promise.all(reads)).entries()) {
      assert.ok(a! >= n, `${a} was read after ${n} was written`)
      assert.equal(own, n)
    }
    store.delete$('a').subscribe()
    assert.equal(await one(store.get$('a')), undefined)
  })

  it('what is asked for in an answer is done', async stores => {
    const store = await stores.open(json<number>())
    const chained = new Promise<number | undefined>((resolve, reject) => {
      store.put$('a', 1).subscribe({
        next: () =>
          store.put$('b', 2).subscribe({
            next: () => store.get$('b').subscribe({ next: resolve, error: reject }),
            error: reject,
          }),
        error: reject,
      })
    })
    assert.equal(await chained, 2)
  })
}
