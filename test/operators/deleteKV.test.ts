import { lastValueFrom, of, toArray } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { deleteKV, json, memoryStore } from '../../src/index.ts'
import { operatorCases } from './cases.ts'

describe('deleteKV', () => {
  operatorCases({
    make: (store, options) => deleteKV(store, record => record, options),
    makeThrowing: store =>
      deleteKV(store, record => {
        if (record === 'x') throw new Error('boom')
        return record
      }),
  })

  test('deletes the key of each record, and lets the record go on', async () => {
    const store = memoryStore({ value: json<number>() })
    await lastValueFrom(
      store.putAll$([
        ['a', 1],
        ['b', 2],
        ['c', 3],
      ]),
    )
    const records = [{ key: 'a' }, { key: 'absent' }, { key: 'c' }]
    const result$ = of(...records).pipe(
      deleteKV(store, ({ key }) => key),
      toArray(),
    )
    expect(await lastValueFrom(result$)).toEqual(records)
    expect(await lastValueFrom(store.keys$().pipe(toArray()))).toEqual(['b'])
  })
})
