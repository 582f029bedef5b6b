import assert from 'node:assert/strict'
import { json } from '../../codecs.ts'
import { fails, numbers, one, Recorder } from './assertions.ts'
import type { Suite } from './place.ts'

const LAST = 2 ** 31 - 1
const FIRST = -(2 ** 31)

/** The end of the version range: versions wrap around, and skip -1. */
export function versionsGoRound({ it }: Suite): void {
  for (const [before, after] of [
    [LAST, FIRST],
    [-2, 0],
  ] as const) {
    it(`the version after ${before} is ${after}`, async stores => {
      const store = await stores.open(json<number>())
      await one(store.put$('a', 1))
      await stores.age('a', before)
      assert.deepEqual(await one(store.entry$('a')), { key: 'a', value: 1, version: before })
      await fails(store.put$('a', 2, { ifVersion: after }), 'VERSION_CONFLICT')
      assert.equal((await one(store.put$('a', 2, { ifVersion: before }))).version, after)
      await fails(store.put$('a', 3, { ifVersion: before }), 'VERSION_CONFLICT')
      assert.equal((await one(store.put$('a', 3, { ifVersion: after }))).version, after + 1)
      await stores.age('a', before)
      assert.equal((await one(store.put$('a', 4))).version, after)
      await one(store.transact$([{ type: 'check', key: 'a', ifVersion: after }]))
      assert.equal(await one(store.delete$('a', { ifVersion: after })), true)
    })

    it(`updates go on from ${before}, several at a time`, async stores => {
      const store = await stores.open(json<number>())
      await one(store.put$('a', 0))
      await stores.age('a', before)
      const entries = await Promise.all(numbers(3).map(() => one(store.update$('a', count => count! + 1))))
      assert.deepEqual(
        entries.map(entry => [entry!.value, entry!.version]),
        [
          [1, after],
          [2, after + 1],
          [3, after + 2],
        ],
      )
      assert.deepEqual(await one(store.entry$('a')), entries[2])
    })

    it(`a watch goes on from ${before}`, async stores => {
      const store = await stores.open(json<number>())
      await one(store.put$('a', 0))
      await stores.age('a', before)
      using watch = new Recorder(store.watch$('a'))
      await watch.untilLast(0)
      for (const value of [1, 2, 3]) {
        await one(store.put$('a', value))
        await watch.untilLast(value)
      }
    })
  }
}
