import { EMPTY, from, lastValueFrom, of, tap, toArray } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { json, memoryStore, upsertKV } from '../../src/index.ts'
import { failureOf, operatorCases } from './cases.ts'

describe('upsertKV', () => {
  operatorCases({
    make: (store, options) => upsertKV(store, record => [record, 1], options),
    makeThrowing: store =>
      upsertKV(store, record => {
        if (record === 'x') throw new Error('boom')
        return [record, 1]
      }),
  })

  describe('the writes', () => {
    const make = () => memoryStore({ value: json<number>() })

    test('emits the record when its entry is stored', async () => {
      const store = make()
      const seen: (number | undefined)[] = []
      const records = [
        { key: 'a', value: 1 },
        { key: 'b', value: 2 },
      ]
      const result$ = from(records).pipe(
        upsertKV(store, ({ key, value }) => [key, value]),
        tap(({ key }) => store.get$(key).subscribe(value => seen.push(value))),
        toArray(),
      )
      expect(await lastValueFrom(result$)).toEqual(records)
      await lastValueFrom(store.getAll$(['a', 'b']))
      expect(seen).toEqual([1, 2])
    })

    test('writes the records of one key in their order, each for itself', async () => {
      const store = make()
      await lastValueFrom(from([3, 1, 2]).pipe(upsertKV(store, value => ['a', value])))
      expect(await lastValueFrom(store.entry$('a'))).toEqual({ key: 'a', value: 2, version: 2 })
    })

    test('a value that cannot be encoded fails alone', async () => {
      const store = make()
      const circular: unknown[] = []
      circular.push(circular)
      const values = [1, circular as unknown as number, 3]
      const { error, outputs } = await failureOf(
        from(values).pipe(upsertKV(store, value => [`${values.indexOf(value)}`, value])),
      )
      expect(outputs).toEqual([1])
      expect(error).toMatchObject({ code: 'CODEC', key: '1' })
    })

    test('an entry without a value is refused', async () => {
      const result$ = of('a').pipe(upsertKV(make(), key => [key, undefined as unknown as number]))
      expect((await failureOf(result$)).error.code).toBe('INVALID_ARGUMENT')
    })
  })

  test('what is no pair is the error of `entryOf`', async () => {
    const store = memoryStore({ value: json<number>() })
    const result$ = of('a').pipe(upsertKV(store, () => undefined as never))
    expect((await failureOf(result$)).error).toMatchObject({
      code: 'CALLBACK',
      message: expect.stringContaining('`entryOf` threw'),
    })
  })

  test('writes nothing before it is subscribed to', async () => {
    const store = memoryStore({ value: json<number>() })
    of('a').pipe(upsertKV(store, key => [key, 1]))
    await lastValueFrom(EMPTY, { defaultValue: undefined })
    expect(await lastValueFrom(store.get$('a'))).toBeUndefined()
  })
})
