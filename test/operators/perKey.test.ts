import {
  concatMap,
  delay,
  from,
  lastValueFrom,
  map,
  mergeMap,
  type Observable,
  of,
  pipe,
  range,
  timer,
  toArray,
} from 'rxjs'
import { describe, expect, test } from 'vitest'
import {
  json,
  type KVStore,
  lookupKV,
  memoryStore,
  type OperatorOptions,
  perKey,
  pull$,
  upsertKV,
} from '../../src/index.ts'
import { expectLinear, failureOf, operatorCases, virtually } from './cases.ts'

describe('perKey', () => {
  operatorCases({
    make: (store, options) =>
      perKey(
        record => record,
        record$ => record$.pipe(mergeMap(record => store.put$(record, 1).pipe(map(() => record)))),
        options,
      ),
    makeThrowing: store =>
      perKey(
        record => {
          if (record === 'x') throw new Error('boom')
          return record
        },
        record$ => record$.pipe(upsertKV(store, record => [record, 1])),
      ),
  })

  /** Stays for as many frames as the record says: `a3` has key a and takes 3. */
  const stay = pipe(concatMap((record: string) => of(record).pipe(delay(Number(record[1])))))
  const keyOf = (record: string) => record[0]
  const records = { a: 'a3', A: 'a5', b: 'b1', c: 'c4' }

  test.each<[string, string, string, OperatorOptions]>([
    ['records of one key follow each other', '(aA)-----|', '---a----A|', {}],
    ['keys overlap, outputs keep the order', '(abA)-|', '---(ab)-(A|)', {}],
    ['keys overlap, outputs as they come', '(abA)-|', '-b-a----(A|)', { ordered: false }],
    ['no more than `concurrency` at a time', '(bab)|', '-b--a(b|)', { concurrency: 1 }],
    ['a busy key keeps no other back', '(aAbc)|', '-b-a-c--(A|)', { concurrency: 2, ordered: false }],
  ])('%s', (_, source, expected, options) => {
    virtually(scheduler => {
      const source$ = scheduler.createColdObservable(source, records)
      const result$ = source$.pipe(perKey(keyOf, record$ => record$.pipe(stay), options))
      scheduler.expectObservable(result$).toBe(expected, records)
    })
  })

  test('a pipeline may emit any number of outputs', () => {
    virtually(scheduler => {
      const pipelines: Record<string, Observable<string>> = {
        a: scheduler.createColdObservable('x-y--|'),
        b: scheduler.createColdObservable('--|'),
        c: scheduler.createColdObservable('uv-------w|'),
      }
      const result$ = of('a', 'b', 'c').pipe(
        perKey(
          key => key,
          key$ => key$.pipe(mergeMap(key => pipelines[key]!)),
        ),
      )
      scheduler.expectObservable(result$).toBe('x-y--(uv)w|')
    })
  })

  test('an error of a pipeline passes as it is, after the outputs of the records before', () => {
    virtually(scheduler => {
      const error = new Error('mine')
      const pipelines: Record<string, Observable<string>> = {
        a: scheduler.createColdObservable('---x-|'),
        b: scheduler.createColdObservable('-y#', undefined, error),
        c: scheduler.createColdObservable('-z|'),
      }
      const result$ = of('a', 'b', 'c').pipe(
        perKey(
          key => key,
          key$ => key$.pipe(mergeMap(key => pipelines[key]!)),
        ),
      )
      scheduler.expectObservable(result$).toBe('---x-(y#)', undefined, error)
    })
  })

  test('unsubscribing unsubscribes from the pipelines', () => {
    virtually(scheduler => {
      const pipeline$ = scheduler.createColdObservable('---x-|')
      const result$ = of('a', 'b', 'a').pipe(
        perKey(
          key => key,
          key$ => key$.pipe(mergeMap(() => pipeline$)),
        ),
      )
      scheduler.expectObservable(result$, '--!').toBe('---')
      scheduler.expectSubscriptions(pipeline$.subscriptions).toBe(['^-!', '^-!'])
    })
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('boom')
      },
    ],
    ['returns no stream', () => undefined as never],
  ])('a pipeline that %s: the outputs of the records before, then CALLBACK', async (_, broken) => {
    let count = 0
    const result$ = of('a', 'b', 'c').pipe(
      perKey(
        key => key,
        key$ => (++count === 2 ? broken() : key$),
      ),
    )
    const { error, outputs } = await failureOf(result$)
    expect(outputs).toEqual(['a'])
    expect(error).toMatchObject({ code: 'CALLBACK', message: expect.stringContaining('`pipeline` threw') })
  })

  test('a key may be any value that a Map tells apart, a pipeline may be a promise', async () => {
    const keys = [Number.NaN, {}, undefined]
    const running = new Map<unknown, number>()
    const result$ = range(0, 30).pipe(
      perKey(
        i => keys[i % 3],
        async i$ => {
          const i = await lastValueFrom(i$)
          const key = keys[i % 3]
          running.set(key, (running.get(key) ?? 0) + 1)
          await lastValueFrom(timer(1))
          const together = running.get(key)!
          running.set(key, together - 1)
          return together
        },
      ),
      toArray(),
    )
    expect(await lastValueFrom(result$)).toEqual(Array.from({ length: 30 }, () => 1))
  })

  const countByHand = (store: KVStore<number>) =>
    pipe(
      lookupKV(store, (key: string) => key),
      map(([key, count = 0]) => [key, count + 1] as const),
      upsertKV(store, entry => entry),
    )

  test('makes a lookup, a computation and a write safe', async () => {
    const store = memoryStore({ value: json<number>() })
    const result$ = from('abaab').pipe(
      perKey(key => key, countByHand(store)),
      map(([key, count]) => `${key}${count}`),
      toArray(),
    )
    expect(await lastValueFrom(result$)).toEqual(['a1', 'b1', 'a2', 'a3', 'b2'])
  })

  test('which they are not without it', async () => {
    const store = memoryStore({ value: json<number>() })
    await lastValueFrom(from('abaab').pipe(countByHand(store)))
    expect(await lastValueFrom(store.get$('a'))).toBe(1)
  })

  test('a source inside of a pipeline does not wait for the room that the pipeline itself takes', async () => {
    const result$ = pull$(['a', 'b']).pipe(
      perKey(
        key => key,
        key$ => key$.pipe(concatMap(key => pull$([1, 2, 3]).pipe(map(n => `${key}${n}`)))),
        { concurrency: 1 },
      ),
      toArray(),
    )
    expect(await lastValueFrom(result$)).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'b3'])
  })

  test('300,000 records of one key at once, in linear time', async () => {
    await expectLinear(size =>
      lastValueFrom(
        range(0, size).pipe(
          perKey(
            () => 'a',
            i$ => i$.pipe(concatMap(i => Promise.resolve(i))),
          ),
        ),
      ),
    )
  })
})
