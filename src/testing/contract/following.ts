import assert from 'node:assert/strict'
import { json } from '../../codecs.ts'
import type { Change, KVStore } from '../../store/kv-store.ts'
import { all, fill, isEqual, numbers, one, Recorder } from './assertions.ts'
import type { Suite } from './place.ts'

/** The content that changes add up to. */
export function fold<V>(changes: readonly Change<V>[]): Map<string, { value: V; version: number }> {
  const content = new Map<string, { value: V; version: number }>()
  for (const change of changes) {
    if (change.type === 'put') content.set(change.key, { value: change.value, version: change.version })
    else if (change.type === 'delete') content.delete(change.key)
  }
  return content
}

const content = async <V>(store: KVStore<V>): Promise<Map<string, { value: V; version: number }>> =>
  new Map((await all(store.entries$())).map(({ key, value, version }) => [key, { value, version }]))

const synced =
  <V>(count: number) =>
  ({ values }: Recorder<Change<V>>) =>
    values.filter(({ type }) => type === 'synced').length >= count

/** changes: the current entries, `synced`, and later changes. */
export function following({ it, capabilities }: Suite): void {
  it('changes says synced at once where there is nothing', async stores => {
    const store = await stores.open(json<number>())
    using changes = new Recorder(store.changes$())
    await changes.until(synced(1), 'synced')
    assert.deepEqual(changes.values, [{ type: 'synced' }])
  })

  it('changes emits what is there, synced, then what happens', async stores => {
    const store = await stores.open(json<number>())
    await fill(store, [
      ['b', 2],
      ['a', 1],
    ])
    await one(store.put$('b', 3))
    using changes = new Recorder(store.changes$())
    await changes.until(synced(1), 'synced')
    assert.deepEqual(
      changes.values.slice(0, -1).sort((x, y) => ('key' in x && 'key' in y && x.key < y.key ? -1 : 1)),
      [
        { type: 'put', key: 'a', value: 1, version: 0 },
        { type: 'put', key: 'b', value: 3, version: 1 },
      ],
    )
    assert.deepEqual(changes.values.at(-1), { type: 'synced' })
    changes.values.length = 0
    await one(store.put$('c', 4))
    await changes.untilLast({ type: 'put', key: 'c', value: 4, version: 0 })
    await one(store.put$('a', 5))
    await changes.untilLast({ type: 'put', key: 'a', value: 5, version: 1 })
    await one(store.delete$('b'))
    await changes.untilLast({ type: 'delete', key: 'b' })
    await one(store.put$('b', 6))
    await changes.untilLast({ type: 'put', key: 'b', value: 6, version: 0 })
    assert.equal(changes.values.length, 4)
    assert.equal(changes.completed, false)
  })

  it('changes keeps to its range', async stores => {
    const store = await stores.open(json<number>())
    const keys = ['a', 'b', 'b/1', 'b/2', 'b😀', 'c', 'é']
    await fill(
      store,
      keys.map(key => [key, 1]),
    )
    const inRanges: [range: Parameters<typeof store.changes$>[0], keys: string[]][] = [
      [{ prefix: 'b' }, ['b', 'b/1', 'b/2', 'b😀']],
      [{ prefix: 'b', from: 'b/2' }, ['b/2', 'b😀']],
      [{ from: 'b/1', to: 'c' }, ['b/1', 'b/2', 'b😀']],
      [{ from: 'x' }, ['é']],
      [{ from: 'c', to: 'b' }, []],
      [{ prefix: 'none' }, []],
    ]
    for (const [range, inRange] of inRanges) {
      using changes = new Recorder(store.changes$(range))
      using every = new Recorder(store.changes$())
      await changes.until(synced(1), 'synced')
      await every.until(synced(1), 'synced')
      assert.deepEqual([...fold(changes.values).keys()].sort(), inRange)
      for (const key of keys) await one(store.update$(key, count => count! + 1))
      const last = (await one(store.get$('é')))!
      await every.until(({ values }) => fold(values).get('é')?.value === last)
      await changes.until(({ values }) => [...fold(values).values()].every(({ value }) => value === last))
      assert.deepEqual([...fold(changes.values).keys()].sort(), inRange)
    }
  })

  it('changes adds up to the content after many writes', async stores => {
    const store = await stores.open(json<number>())
    await fill(
      store,
      numbers(50).map(n => [`key-${n}`, n]),
    )
    using changes = new Recorder(store.changes$())
    // Without waiting for `synced`, so that listing and watching overlap.
    for (const round of numbers(10)) {
      await Promise.all(
        numbers(60).map((n): Promise<unknown> => {
          const key = `key-${(n * 13 + round) % 70}`
          return n % 5 === 0 ? one(store.delete$(key)) : one(store.put$(key, 100 * round + n))
        }),
      )
    }
    const truth = await content(store)
    await changes.until(({ values }) => synced(1)(changes) && isEqual(fold(values), fold(asPuts(truth))))
  })

  it('each who follows has a history of its own', async stores => {
    const store = await stores.open(json<number>())
    await one(store.put$('a', 1))
    const changes$ = store.changes$()
    const goes = new Recorder(changes$)
    using stays = new Recorder(changes$)
    await goes.until(synced(1), 'synced')
    goes[Symbol.dispose]()
    await one(store.put$('b', 2))
    // The put may come within the listing, before `synced`, where an engine lags.
    await stays.until(({ values }) => synced(1)(stays) && fold(values).has('b'), 'b')
    assert.equal(fold(goes.values).has('b'), false)
    using late = new Recorder(changes$)
    await late.until(synced(1), 'synced')
    assert.deepEqual([...fold(late.values).keys()].sort(), ['a', 'b'])
  })

  it('changes that was given up while listing begins anew', async stores => {
    const store = await stores.open(json<number>())
    await fill(
      store,
      numbers(500).map(n => [`key-${n}`, n]),
    )
    for (const _ of numbers(5)) {
      const givenUp = new Recorder(store.changes$())
      givenUp[Symbol.dispose]()
    }
    using changes = new Recorder(store.changes$())
    await changes.until(synced(1), 'synced')
    assert.equal(fold(changes.values).size, 500)
  })

  if (!capabilities.shared) return

  it('changes sees what other stores write and adds up to the content', async stores => {
    const store = await stores.open(json<number>())
    const peers = [await stores.open(json<number>()), await stores.open(json<number>())]
    using changes = new Recorder(store.changes$())
    await Promise.all(
      peers.map(async (peer, p) => {
        for (const round of numbers(20)) {
          await Promise.all(
            numbers(20).map((n): Promise<unknown> => {
              const key = `key-${(n * 7 + round * (p + 1)) % 30}`
              return n % 4 === 0 ? one(peer.delete$(key)) : one(peer.put$(key, 1000 * p + n))
            }),
          )
        }
      }),
    )
    const truth = await content(peers[0]!)
    await changes.until(({ values }) => synced(1)(changes) && isEqual(fold(values), fold(asPuts(truth))))
  })
}

const asPuts = <V>(entries: Map<string, { value: V; version: number }>): Change<V>[] =>
  Array.from(entries, ([key, { value, version }]) => ({ type: 'put', key, value, version }))
