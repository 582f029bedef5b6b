import { from, lastValueFrom, map, merge, of, pipe, toArray } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { json, Memory, memoryStore, updateKV } from '../../src/index.ts'
import { failureOf, operatorCases } from './cases.ts'

describe('updateKV', () => {
  operatorCases({
    make: (store, options) =>
      pipe(
        updateKV(
          store,
          (record: string) => record,
          (_, count = 0) => count + 1,
          options,
        ),
        map(([record]) => record),
      ),
    makeThrowing: store =>
      pipe(
        updateKV(
          store,
          (record: string) => record,
          (record, count = 0) => {
            if (record === 'x') throw new Error('boom')
            return count + 1
          },
        ),
        map(([record]) => record),
      ),
    calls: 2,
  })

  describe('the updates', () => {
    const make = (memory = new Memory()) => memoryStore({ value: json<number>(), memory })

    test('each record is a write of its own, on what the one before wrote', async () => {
      const store = make()
      const result$ = of('a', 'b', 'a', 'a').pipe(
        updateKV(
          store,
          key => key,
          (_, count = 0) => count + 1,
        ),
        toArray(),
      )
      expect(await lastValueFrom(result$)).toEqual([
        ['a', 1],
        ['b', 1],
        ['a', 2],
        ['a', 3],
      ])
      expect(await lastValueFrom(store.entry$('a'))).toEqual({ key: 'a', value: 3, version: 2 })
    })

    test('undefined deletes the key', async () => {
      const store = make()
      const result$ = of(1, -1, 2).pipe(
        updateKV(
          store,
          () => 'a',
          (change, sum = 0) => (sum + change === 0 ? undefined : sum + change),
        ),
        map(([, value]) => value),
        toArray(),
      )
      expect(await lastValueFrom(result$)).toEqual([1, undefined, 2])
      expect(await lastValueFrom(store.entry$('a'))).toMatchObject({ value: 2, version: 0 })
    })

    test('loses no update to another writer', async () => {
      const memory = new Memory()
      const keys = Array.from({ length: 500 }, (_, i) => `key${i % 3}`)
      const count = () =>
        from(keys).pipe(
          updateKV(
            make(memory),
            key => key,
            (_, sum = 0) => sum + 1,
          ),
        )
      await lastValueFrom(merge(count(), count()))
      const counts = await lastValueFrom(make(memory).getAll$(['key0', 'key1', 'key2']))
      expect([...counts.values()]).toEqual([334, 334, 332])
    })

    test('a throwing `keyOf`: the outputs of the records before, then CALLBACK', async () => {
      const result$ = of('a', undefined, 'b').pipe(
        updateKV(
          make(),
          record => record!.toLowerCase(),
          () => 1,
        ),
      )
      const { error, outputs } = await failureOf(result$)
      expect(outputs).toEqual([['a', 1]])
      expect(error).toMatchObject({ code: 'CALLBACK', message: expect.stringContaining('`keyOf` threw') })
    })
  })
})
