import assert from 'node:assert/strict'
import { bytes, json } from '../../codecs.ts'
import { all, fails, one, Recorder } from './assertions.ts'
import type { Suite } from './place.ts'

interface Visits {
  readonly at: string[]
}

/** Mutating a value after writing or reading it affects nobody else. */
export function ownership({ it }: Suite): void {
  it('bytes that were written are copied', async stores => {
    const store = await stores.open(bytes, { cache: 0 })
    const mine = Uint8Array.of(1, 2, 3)
    const puts = [
      one(store.put$('a', mine)),
      one(store.putAll$([['b', mine]])),
      one(store.update$('c', () => mine)),
    ]
    mine.fill(9, 0, 1)
    await Promise.all(puts)
    mine.fill(9)
    for (const [key, first] of [
      ['a', 1],
      ['b', 1],
      ['c', 9],
    ] as const) {
      assert.deepEqual([...(await one(store.get$(key)))!], [first, 2, 3])
    }
  })

  for (const cache of [0, 100]) {
    it(`bytes that were read are the own of whoever read them, with a cache of ${cache}`, async stores => {
      const store = await stores.open(bytes, { cache })
      await one(store.put$('a', Uint8Array.of(1, 2, 3)))
      using watch = new Recorder(store.watch$('a'))
      await watch.until(({ values }) => values.length > 0)
      const both = await Promise.all([one(store.get$('a')), one(store.get$('a'))])
      using changes = new Recorder(store.changes$())
      await changes.until(({ values }) => values.length > 0)
      const [change] = changes.values
      const read = [
        watch.values[0],
        both[0],
        (await one(store.entry$('a')))?.value,
        (await one(store.getAll$(['a']))).get('a'),
        (await one(store.entryAll$(['a']))).get('a')?.value,
        (await all(store.entries$()))[0]?.value,
        change?.type === 'put' ? change.value : undefined,
      ]
      for (const value of read) value!.fill(9)
      assert.deepEqual([...both[1]!], [1, 2, 3])
      assert.deepEqual([...(await one(store.get$('a')))!], [1, 2, 3])
      // An update that mutates its value, and fails.
      await fails(
        store.update$('a', current => {
          current!.fill(9)
          throw new Error('no')
        }),
        'CALLBACK',
      )
      assert.deepEqual([...(await one(store.get$('a')))!], [1, 2, 3])
    })

    it(`an object that was read is nobody else's to change, with a cache of ${cache}`, async stores => {
      for (const codec of [
        json<Visits>(),
        { encode: json<Visits>().encode, decode: json<Visits>().decode },
      ]) {
        const store = await stores.open(codec, { cache })
        await one(store.put$('a', { at: ['/'] }))
        const read = [
          (await one(store.get$('a')))!,
          (await one(store.get$('a')))!,
          (await one(store.entry$('a')))!.value,
          (await one(store.getAll$(['a']))).get('a')!,
        ]
        for (const value of read) {
          try {
            value.at.push('/b')
          } catch (error) {
            assert.ok(error instanceof TypeError)
          }
        }
        assert.deepEqual(await one(store.get$('a')), { at: ['/'] })
        await store.close()
      }
    })
  }
}
