import { concatMap, from, lastValueFrom, map, of, toArray } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { json, KVError, Memory, type Mutation, processKV, type Write } from '../../src/index.ts'
import { failureOf } from './cases.ts'
import { refusing } from './engines.ts'
import { increment, logged, numbers, stateOf, word } from './process.ts'

describe('processKV and commits that are too large', () => {
  const tooLarge = new KVError('VALUE_TOO_LARGE', 'the transaction is too large')
  const atMost = (most: number) => (writes: readonly Write[]) => (writes.length > most ? tooLarge : undefined)
  const withKey = (wanted: string) => (writes: readonly Write[]) =>
    writes.some(({ key }) => key === wanted) ? tooLarge : undefined

  test('are made in pieces, in order, each durable before its outputs', async () => {
    const keys = Array.from({ length: 90 }, (_, i) => `key${10 + i}`)
    const { commits, store } = logged({ hooks: [refusing(atMost(30))] })
    let durable = 0
    const result$ = from([...keys, ...keys]).pipe(
      processKV(store, word, increment),
      concatMap(([key, count]) =>
        store.get$(key).pipe(
          map(stored => {
            if (stored! >= count) durable++
            return `${key} ${count}`
          }),
        ),
      ),
      toArray(),
    )
    expect(await lastValueFrom(result$)).toEqual([1, 2].flatMap(count => keys.map(key => `${key} ${count}`)))
    expect(durable).toBe(180)
    expect(await stateOf(store)).toEqual(keys.map(key => `${key}=2@1`))
    const sizes = commits().map(line => line.split(', ').length)
    expect(sizes.filter(size => size > 30).length).toBeLessThan(sizes.length / 2)
  })

  test('one record that is too large by itself is a bad record', async () => {
    const { store } = logged({ hooks: [refusing(withKey('b'))] })
    const letters: string[] = []
    const result$ = from('abc').pipe(
      processKV(store, word, increment, {
        deadLetter: ({ error, record }) => letters.push(`${error.code} ${record}`),
      }),
      map(([record]) => record),
      toArray(),
    )
    expect(await lastValueFrom(result$)).toEqual(['a', 'c'])
    expect(letters).toEqual(['VALUE_TOO_LARGE b'])
    const { error, outputs } = await failureOf(from('abc').pipe(processKV(store, word, increment)))
    expect({ error, outputs }).toEqual({ error: tooLarge, outputs: [['a', 2]] })
  })

  test('nothing but the further writes being too large ends the stream', async () => {
    const { store } = logged({ hooks: [refusing(withKey('!'))] })
    const result$ = from('ab').pipe(
      processKV(store, word, increment, {
        commitWith: () => [{ type: 'put', key: '!', value: 0 }],
        deadLetter: () => {},
      }),
    )
    expect((await failureOf(result$)).error).toBe(tooLarge)
  })
})

describe('processKV with further writes in its commits', () => {
  const offset = (records: readonly number[]): Mutation<number>[] => [
    { type: 'put', key: 'offset', value: records.at(-1)! },
  ]
  const parity = (n: number) => (n % 2 === 0 ? 'even' : 'odd')

  test('they are durable with the state: of all records that the commit covers, in pieces too', async () => {
    const { commits, store } = logged()
    await lastValueFrom(
      of(1, 2, 3, 4, 5).pipe(processKV(store, parity, increment, { commitWith: offset, commitSize: 2 })),
    )
    expect(commits()).toEqual([
      'put odd=1@absent, put even=1@absent, put offset=2@undefined',
      'put odd=2@0, put even=2@0, put offset=4@undefined',
      'put odd=3@1, put offset=5@undefined',
    ])
  })

  test('also for dead letters, and where the state does not change', async () => {
    const { commits, store } = logged()
    const transform = (n: number, value?: number) => {
      if (n === 3) throw new Error('three')
      return n < 3 ? 7 : value
    }
    await lastValueFrom(
      of(1, 3, 5).pipe(
        processKV(store, () => 'a', transform, { commitWith: offset, commitSize: 1, deadLetter: () => {} }),
      ),
    )
    expect(commits()).toEqual([
      'put a=7@absent, put offset=1@undefined',
      'put offset=3@undefined',
      'check a@0, put offset=5@undefined',
    ])
  })

  test('a conflict of one of them is a fence: the stream ends, nothing is written', async () => {
    const store = numbers()
    await lastValueFrom(store.put$('offset', 0))
    const fenced = (records: readonly number[]): Mutation<number>[] => [
      { type: 'put', key: 'offset', value: records.at(-1)!, ifVersion: 7 },
    ]
    const { error, outputs } = await failureOf(
      of(1, 2).pipe(processKV(store, parity, increment, { commitWith: fenced, deadLetter: () => {} })),
    )
    expect({ code: error.code, key: error.key, outputs }).toEqual({
      code: 'VERSION_CONFLICT',
      key: 'offset',
      outputs: [],
    })
    expect(await stateOf(store)).toEqual(['offset=0@0'])
  })

  test('a key at the end of its versions is counted on', async () => {
    const memory = new Memory()
    memory.entries.set('even', { value: json().encode(7), version: 2 ** 31 - 1, revision: 0 })
    const { store, commits } = logged({ memory })
    const counts$ = of(2, 4).pipe(
      concatMap(even => of(even).pipe(processKV(store, parity, increment))),
      map(([, count]) => count),
      toArray(),
    )
    expect(await lastValueFrom(counts$)).toEqual([8, 9])
    expect(await stateOf(store)).toEqual([`even=9@${-(2 ** 31) + 1}`])
    expect(commits()).toHaveLength(2)
  })

  test('a key at version -1, which an old ZooKeeper has, ends the stream', async () => {
    const memory = new Memory()
    memory.entries.set('even', { value: json().encode(7), version: -1, revision: 0 })
    const { error } = await failureOf(of(2).pipe(processKV(numbers(memory), parity, increment)))
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  test('`commitWith` that throws ends the stream', async () => {
    const result$ = of(1).pipe(
      processKV(numbers(), parity, increment, {
        commitWith: () => {
          throw new Error('no offset')
        },
      }),
    )
    expect((await failureOf(result$)).error).toMatchObject({
      code: 'CALLBACK',
      message: '`commitWith` threw: no offset',
    })
  })
})
