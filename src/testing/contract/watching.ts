import assert from 'node:assert/strict'
import { json } from '../../codecs.ts'
import { fails, fill, nextTurn, numbers, one, Recorder } from './assertions.ts'
import type { Suite } from './place.ts'

/** watch: one key, now and from now on. */
export function watching({ it, capabilities }: Suite): void {
  it('watch emits what is there now and each later value', async stores => {
    const store = await stores.open(json<number>())
    await one(store.put$('a', 1))
    using watch = new Recorder(store.watch$('a'))
    await watch.untilLast(1)
    await one(store.put$('a', 2))
    await watch.untilLast(2)
    await one(store.update$('a', value => value! + 1))
    await watch.untilLast(3)
    await one(store.transact$([{ type: 'put', key: 'a', value: 4 }]))
    await watch.untilLast(4)
    assert.deepEqual(watch.values, [1, 2, 3, 4])
    assert.equal(watch.completed, false)
  })

  it('watch emits undefined while there is nothing', async stores => {
    const store = await stores.open(json<number>())
    using watch = new Recorder(store.watch$('a'))
    await watch.until(({ values }) => values.length > 0)
    await one(store.put$('a', 1))
    await watch.untilLast(1)
    await one(store.delete$('a'))
    await watch.until(({ values }) => values.length > 2)
    await one(store.put$('a', 1))
    await watch.untilLast(1)
    assert.deepEqual(watch.values, [undefined, 1, undefined, 1])
  })

  it('watch is about its key only', async stores => {
    const store = await stores.open(json<number>())
    using watch = new Recorder(store.watch$('a'))
    await watch.until(({ values }) => values.length > 0)
    await fill(
      store,
      ['', 'b', '/', 'é', '😀'].map((end, n) => [`a${end || '!'}`, n]),
    )
    await one(store.put$('b', 1))
    await one(store.put$('a', 1))
    await watch.untilLast(1)
    assert.deepEqual(watch.values, [undefined, 1])
  })

  it('many who watch a key each see what is there now and what comes', async stores => {
    const store = await stores.open(json<number>())
    await one(store.put$('a', 1))
    const watch$ = store.watch$('a')
    using first = new Recorder(watch$)
    using second = new Recorder(watch$)
    await first.untilLast(1)
    await second.untilLast(1)
    await one(store.put$('a', 2))
    await first.untilLast(2)
    using late = new Recorder(store.watch$('a'))
    await late.untilLast(2)
    await one(store.put$('a', 3))
    for (const watch of [first, second, late]) await watch.untilLast(3)
    assert.deepEqual(first.values, [1, 2, 3])
    assert.deepEqual(second.values, [1, 2, 3])
    assert.deepEqual(late.values, [2, 3])
  })

  it('unsubscribing stops a watch and no other', async stores => {
    const store = await stores.open(json<number>())
    using stays = new Recorder(store.watch$('a'))
    const goes = new Recorder(store.watch$('a'))
    const neverBegins = new Recorder(store.watch$('a'))
    neverBegins[Symbol.dispose]()
    await goes.until(({ values }) => values.length > 0)
    goes[Symbol.dispose]()
    await one(store.put$('a', 1))
    await stays.untilLast(1)
    await nextTurn()
    assert.deepEqual(goes.values, [undefined])
    assert.deepEqual(stays.values, [undefined, 1])
    using again = new Recorder(store.watch$('a'))
    await again.untilLast(1)
  })

  it('watch goes forward only and ends on the final state, however fast writes come', async stores => {
    const store = await stores.open(json<number>())
    using watch = new Recorder(store.watch$('a'))
    for (const round of numbers(5)) {
      await Promise.all(numbers(100).map(n => one(store.put$('a', 100 * round + n))))
    }
    await watch.untilLast(499)
    const seen = watch.values.filter(value => value !== undefined)
    assert.deepEqual(
      seen,
      [...new Set(seen)].sort((a, b) => a - b),
    )
  })

  it('watch ends on the final state after deletes and recreations', async stores => {
    const store = await stores.open(json<number>())
    using watch = new Recorder(store.watch$('a'))
    await watch.until(({ values }) => values.length > 0)
    for (const n of numbers(20)) {
      await Promise.all([one(store.put$('a', n)), one(store.delete$('a')), one(store.put$('a', n))])
    }
    await watch.untilLast(19)
    await one(store.delete$('a'))
    await watch.until(({ values }) => values.at(-1) === undefined)
  })

  it('many keys are watched at a time', async stores => {
    const store = await stores.open(json<number>())
    const keys = numbers(300).map(n => `key-${n}`)
    await fill(
      store,
      keys.slice(0, 150).map(key => [key, -1]),
    )
    const watches = keys.map(key => new Recorder(store.watch$(key)))
    await Promise.all(watches.map(watch => watch.until(({ values }) => values.length > 0)))
    await Promise.all(keys.map((key, n) => one(store.put$(key, n))))
    await Promise.all(watches.map((watch, n) => watch.untilLast(n)))
    for (const watch of watches) watch[Symbol.dispose]()
  })

  it('watch refuses an invalid key and fails on a value that the codec does not take', async stores => {
    const store = await stores.open<number>({
      ...json<number>(),
      decode: bytes => {
        const value = json<number>().decode(bytes)
        if (value < 0) throw new RangeError('negative')
        return value
      },
    })
    await fails(store.watch$(''), 'INVALID_KEY')
    using other = new Recorder(store.watch$('b'))
    using watch = new Recorder(store.watch$('a'))
    await watch.until(({ values }) => values.length > 0)
    await one(store.put$('a', -1))
    await watch.untilEnd()
    assert.equal((watch.error as { code?: string }).code, 'CODEC')
    await one(store.put$('b', 1))
    await other.untilLast(1)
  })

  if (!capabilities.shared) return

  it('watch sees what another store writes', async stores => {
    const store = await stores.open(json<number>())
    const peer = await stores.open(json<number>())
    using watch = new Recorder(store.watch$('a'))
    await watch.until(({ values }) => values.length > 0)
    for (const n of numbers(5)) {
      await one(peer.put$('a', n))
      await watch.untilLast(n)
    }
    await one(peer.delete$('a'))
    await watch.until(({ values }) => values.at(-1) === undefined)
    await one(peer.put$('a', 7))
    await watch.untilLast(7)
    assert.deepEqual(watch.values, [undefined, 0, 1, 2, 3, 4, undefined, 7])
  })

  it('watch goes forward only while two stores write', async stores => {
    const pair = [await stores.open(json<number>()), await stores.open(json<number>())]
    const increment = (count = 0): number => count + 1
    const watches = pair.map(store => new Recorder(store.watch$('a')))
    await Promise.all(pair.flatMap(store => numbers(100).map(() => one(store.update$('a', increment)))))
    for (const watch of watches) {
      await watch.untilLast(200)
      const seen = watch.values.filter(value => value !== undefined)
      assert.deepEqual(
        seen,
        [...new Set(seen)].sort((a, b) => a - b),
      )
      watch[Symbol.dispose]()
    }
  })
}
