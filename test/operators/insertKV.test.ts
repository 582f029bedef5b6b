import fc from 'fast-check'
import { from, lastValueFrom, map, of, pipe, toArray } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { identityOf, insertKV, json, Memory, memoryStore } from '../../src/index.ts'
import { failureOf, operatorCases } from './cases.ts'

const numbers = (memory = new Memory()) => memoryStore({ value: json<number>(), memory })

describe('insertKV', () => {
  operatorCases({
    make: (store, options) =>
      pipe(
        insertKV(store, (record: string) => [record, 1], options),
        map(([record]) => record),
      ),
    makeThrowing: store =>
      pipe(
        insertKV(store, (record: string) => {
          if (record === 'x') throw new Error('boom')
          return [record, 1]
        }),
        map(([record]) => record),
      ),
  })

  test('writes what is not there, and lets what is there be', async () => {
    const store = numbers()
    await lastValueFrom(store.put$('a', 1))
    const result$ = from([2, 3]).pipe(
      insertKV(store, n => [n === 2 ? 'a' : 'b', n]),
      toArray(),
    )
    expect(await lastValueFrom(result$)).toEqual([
      [2, false],
      [3, true],
    ])
    expect(await lastValueFrom(store.entryAll$(['a', 'b']))).toEqual(
      new Map([
        ['a', { key: 'a', value: 1, version: 0 }],
        ['b', { key: 'b', value: 3, version: 0 }],
      ]),
    )
  })

  test('of those of one key the first is written', async () => {
    const store = numbers()
    const result$ = from([1, 2, 3]).pipe(
      insertKV(store, n => ['a', n]),
      map(([, inserted]) => inserted),
      toArray(),
    )
    expect(await lastValueFrom(result$)).toEqual([true, false, false])
    expect(await lastValueFrom(store.get$('a'))).toBe(1)
  })

  test('what cannot be encoded, or has no value, fails alone', async () => {
    for (const [value, code] of [
      [undefined, 'INVALID_ARGUMENT'],
      [1n, 'CODEC'],
    ] as const) {
      const { error, outputs } = await failureOf(
        of('a', 'b').pipe(insertKV(numbers(), key => [key, key === 'b' ? (value as never) : 1])),
      )
      expect(error.code).toBe(code)
      expect(outputs).toEqual([['a', true]])
    }
  })

  test('whatever is processed again, by whomever, each record is inserted once', async () => {
    // Where processes began to read, in the order in which they did, and how much each read.
    const runs = fc.array(fc.tuple(fc.nat(40), fc.nat(20)), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(runs, async runs => {
        const memory = new Memory()
        const outputs = await Promise.all(
          runs.map(([begin, count]) =>
            lastValueFrom(
              from(Array.from({ length: count }, (_, i) => begin + i)).pipe(
                insertKV(numbers(memory), position => [identityOf('p', position), 10 * position]),
                toArray(),
              ),
            ),
          ),
        )
        const inserted = outputs.flat().flatMap(([position, first]) => (first ? [position] : []))
        const read = new Set(
          runs.flatMap(([begin, count]) => Array.from({ length: count }, (_, i) => begin + i)),
        )
        expect(inserted.toSorted((a, b) => a - b)).toEqual([...read].sort((a, b) => a - b))
        const stored = await lastValueFrom(numbers(memory).entries$().pipe(toArray()))
        expect(stored.every(({ key, value }) => key === `p@${value / 10}`)).toBe(true)
        expect(stored).toHaveLength(read.size)
      }),
      { numRuns: 50 },
    )
  })
})
