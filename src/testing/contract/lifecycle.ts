import assert from 'node:assert/strict'
import { firstValueFrom, type Observable } from 'rxjs'
import { KVError } from '../../base/errors.ts'
import { json } from '../../codecs.ts'
import type { KVStore } from '../../store/kv-store.ts'
import { all, fails, fill, nextTurn, numbers, one, Recorder, together } from './assertions.ts'
import type { Suite } from './place.ts'

/** Every call of a store. */
const CALLS: Record<string, (store: KVStore<number>) => Observable<unknown>> = {
  get$: store => store.get$('a'),
  entry$: store => store.entry$('a'),
  getAll$: store => store.getAll$(['a', 'b']),
  entryAll$: store => store.entryAll$(['a', 'b']),
  put$: store => store.put$('a', 1),
  'put$ with ifVersion': store => store.put$('new', 1, { ifVersion: 'absent' }),
  putAll$: store =>
    store.putAll$([
      [together('a'), 1],
      [together('b'), 2],
    ]),
  delete$: store => store.delete$('b'),
  deleteAll$: store => store.deleteAll$(['b', 'c'].map(together)),
  update$: store => store.update$('a', (count = 0) => count + 1),
  transact$: store => store.transact$([{ type: 'put', key: 'a', value: 1 }]),
  entries$: store => store.entries$(),
  keys$: store => store.keys$(),
  watch$: store => store.watch$('a'),
  changes$: store => store.changes$(),
}
const ENDLESS = ['watch$', 'changes$']

/** Opening, open, closing, closed. */
export function lifecycle({ it, capabilities }: Suite): void {
  for (const [name, call] of Object.entries(CALLS)) {
    it(`${name} works on a store that was opened just now`, async stores => {
      const store = await stores.open(json<number>())
      if (ENDLESS.includes(name)) await firstValueFrom(call(store))
      else await all(call(store))
    })

    it(`${name} fails with CLOSED on a store that is closed`, async stores => {
      const store = await stores.open(json<number>())
      await one(store.put$('a', 1))
      const before$ = call(store)
      await store.close()
      await fails(call(store), 'CLOSED')
      await fails(before$, 'CLOSED')
    })

    it(`${name} fails with CLOSED on a store that is closing`, async stores => {
      const store = await stores.open(json<number>())
      const written = one(store.put$('a', 1))
      const closed = store.close()
      await fails(call(store), 'CLOSED')
      await written
      await closed
    })

    it(`${name} ends when the store is closed while it is under way`, async stores => {
      const store = await stores.open(json<number>())
      await fill(store, [
        ['a', 1],
        ['b', 2],
      ])
      const recorder = new Recorder(call(store))
      await nextTurn()
      await store.close()
      await recorder.untilEnd()
      if (!recorder.completed) {
        assert.ok(recorder.error instanceof KVError)
        assert.equal(recorder.error.code, 'CLOSED')
      }
    })
  }

  it('close waits for what was asked for', async stores => {
    const store = await stores.open(json<number>())
    const reads = numbers(20).map(n => one(store.get$(`key-${n}`)))
    const writes = numbers(500).map(n => one(store.put$(`key-${n}`, n)))
    const transaction = one(
      store.putAll$([
        [together('x'), 1],
        [together('y'), 2],
      ]),
    )
    const closed = store.close()
    await Promise.all([...reads, ...writes, transaction, closed])
    if (!capabilities.durable) return
    const again = await stores.open(json<number>())
    assert.equal((await all(again.keys$())).length, 502)
  })

  it('an update that is under way at the close is done or is not, as it says', async stores => {
    const store = await stores.open(json<number>())
    const update = new Recorder(store.update$('a', (count = 0) => count + 1))
    await store.close()
    await update.untilEnd()
    if (!capabilities.durable) return
    const again = await stores.open(json<number>())
    assert.equal(await one(again.get$('a')), update.completed ? 1 : undefined)
  })

  it('close completes watch and changes', async stores => {
    const store = await stores.open(json<number>())
    await one(store.put$('a', 1))
    using watch = new Recorder(store.watch$('a'))
    using changes = new Recorder(store.changes$())
    await watch.untilLast(1)
    await changes.untilLast({ type: 'synced' })
    await store.close()
    await watch.untilEnd()
    await changes.untilEnd()
    assert.deepEqual([watch.completed, changes.completed], [true, true])
    assert.deepEqual(watch.values, [1])
  })

  it('close may be called again, at any time, and is what `await using` does', async stores => {
    const store = await stores.open(json<number>())
    const first = store.close()
    assert.equal(store.close(), first)
    await first
    assert.equal(store.close(), first)
    await store.close()
    await store[Symbol.asyncDispose]()
    const used = await stores.open(json<number>())
    await used[Symbol.asyncDispose]()
    await fails(used.get$('a'), 'CLOSED')
    // Before anything else was done with it.
    await (await stores.open(json<number>())).close()
  })

  it('status tells the state now, and ends with closed', async stores => {
    const store = await stores.open(json<number>())
    await one(store.get$('a'))
    using status = new Recorder(store.status$)
    assert.equal(status.values.length, 1)
    assert.equal(status.values[0]?.state, 'connected')
    await store.close()
    await status.untilEnd()
    assert.equal(status.completed, true)
    assert.deepEqual(
      status.values.map(({ state }) => state),
      ['connected', 'closed'],
    )
    for (const { reason } of status.values) assert.notEqual(reason, '')
    using late = new Recorder(store.status$)
    await late.untilEnd()
    assert.deepEqual(
      late.values.map(({ state }) => state),
      ['closed'],
    )
  })

  if (capabilities.shared) {
    it('closing one store leaves others alone', async stores => {
      const store = await stores.open(json<number>())
      const peer = await stores.open(json<number>())
      using watch = new Recorder(peer.watch$('a'))
      await one(store.put$('a', 1))
      await store.close()
      await watch.untilLast(1)
      await one(peer.put$('a', 2))
      await watch.untilLast(2)
    })
  }

  if (capabilities.durable) {
    it('a store that is opened again goes on where it ended', async stores => {
      const store = await stores.open(json<number>())
      await fill(store, [
        ['a', 1],
        ['b', 2],
        ['c', 3],
      ])
      await one(store.put$('a', 4))
      await one(store.delete$('b'))
      await store.close()
      const again = await stores.open(json<number>())
      assert.deepEqual(await all(again.entries$()), [
        { key: 'a', value: 4, version: 1 },
        { key: 'c', value: 3, version: 0 },
      ])
      assert.equal((await one(again.put$('a', 5, { ifVersion: 1 }))).version, 2)
      assert.equal((await one(again.put$('b', 6))).version, 0)
    })
  }
}
