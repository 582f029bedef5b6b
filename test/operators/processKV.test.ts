import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { delay, filter, from, lastValueFrom, map, of, pipe, Subject, tap, toArray } from 'rxjs'
import { describe, expect, test, vi } from 'vitest'
import { json, memoryStore, processKV, pull$ } from '../../src/index.ts'
import { operatorCases, virtually } from './cases.ts'
import { delayed, type Hook, hookedStore, logging } from './engines.ts'
import { increment, logged, numbers, stateOf, word } from './process.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Bytes on the heap that something still refers to. */
const heapInUse = (): number => {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

describe('processKV', () => {
  operatorCases({
    make: (store, options) =>
      pipe(
        processKV(store, word, increment, { commitSize: options?.concurrency }),
        map(([record]) => record),
      ),
    makeThrowing: store =>
      pipe(
        processKV(store, word, (record: string, count = 0) => {
          if (record === 'x') throw new Error('boom')
          return count + 1
        }),
        map(([record]) => record),
      ),
    calls: 2,
    held: concurrency => 2 * concurrency,
    eachForItself: false,
  })

  describe('the loop', () => {
    test("the records of a key see each other's writes; outputs keep the order", async () => {
      const store = numbers()
      const result$ = from('abacab').pipe(processKV(store, word, increment), toArray())
      expect(await lastValueFrom(result$)).toEqual([
        ['a', 1],
        ['b', 1],
        ['a', 2],
        ['c', 1],
        ['a', 3],
        ['b', 2],
      ])
      expect(await stateOf(store)).toEqual(['a=3@0', 'b=2@0', 'c=1@0'])
    })

    test('goes on from what is stored', async () => {
      const store = numbers()
      await lastValueFrom(store.put$('a', 41))
      expect(await lastValueFrom(of('a').pipe(processKV(store, word, increment)))).toEqual(['a', 42])
    })

    test('`project` makes the output of the record, the new value and the one before', async () => {
      const project = (record: string, value: number, previous: number | undefined) =>
        `${record} ${previous}->${value}`
      const result$ = from('aba').pipe(processKV(numbers(), word, increment, { project }), toArray())
      expect(await lastValueFrom(result$)).toEqual(['a undefined->1', 'b undefined->1', 'a 1->2'])
    })

    test('undefined deletes a key, which can come again', async () => {
      const { commits, store } = logged()
      const balance = (change: number, sum = 0) => (sum + change === 0 ? undefined : sum + change)
      const pay = (...changes: number[]) =>
        lastValueFrom(
          from(changes).pipe(
            processKV(store, () => 'a', balance),
            map(([, value]) => value),
            toArray(),
          ),
        )
      expect(await pay(1, 2)).toEqual([1, 3])
      expect(await pay(-3)).toEqual([undefined])
      expect(await pay(5, -5, 5)).toEqual([5, undefined, 5])
      expect(await pay(-5, 0)).toEqual([undefined, undefined])
      expect(await pay(0)).toEqual([undefined])
      expect(commits()).toEqual(['put a=3@absent', 'delete a@0', 'put a=5@absent', 'delete a@0'])
    })

    test('one lookup and one write for a batch, each key once', async () => {
      const { log, store } = logged()
      await lastValueFrom(from('abacab').pipe(processKV(store, word, increment)))
      expect(log).toEqual(['read a b c', 'put a=3@absent, put b=2@absent, put c=1@absent'])
    })

    test('no batch is larger than `concurrency`', async () => {
      const { commits, store } = logged()
      await lastValueFrom(from('abcab').pipe(processKV(store, word, increment, { commitSize: 2 })))
      expect(commits()).toEqual(['put a=1@absent, put b=1@absent', 'put c=1@absent, put a=2@0', 'put b=2@0'])
    })

    test('alone, a record leaves at once; what comes meanwhile travels together', () => {
      virtually(scheduler => {
        const log: string[] = []
        const slow: Hook = ({ name }, answer$) => (name === 'commit' ? answer$.pipe(delay(4)) : answer$)
        const store = hookedStore({ value: json<number>(), scheduler }, logging(log), slow)
        const source$ = scheduler.createColdObservable('a-bc-a---|')
        const result$ = source$.pipe(
          processKV(store, word, increment),
          map(([record]) => record),
        )
        scheduler.expectObservable(result$).toBe('----a---(bc)(a|)')
        scheduler.flush()
        // Keys are looked up while the commit before is under way.
        expect(log).toEqual([
          'read a',
          'put a=1@absent',
          'read b',
          'read c',
          'put b=1@absent, put c=1@absent',
          'read a',
          'put a=2@0',
        ])
      })
    })

    test('an error of the source does not wait for the commit under way', () => {
      virtually(scheduler => {
        const store = hookedStore(
          { value: json<number>(), scheduler },
          delayed(() => 5),
        )
        const source$ = scheduler.createColdObservable('a------#')
        scheduler.expectObservable(source$.pipe(processKV(store, word, increment))).toBe('-------#')
      })
    })

    test('a transform that changes the value in place loses nothing', async () => {
      const store = memoryStore({ value: json<string[]>() })
      const append = (record: string, list: string[] = []) => {
        list.push(record)
        return list
      }
      for (const records of ['ab', 'c', 'de']) {
        await lastValueFrom(from(records).pipe(processKV(store, () => 'list', append, { commitSize: 1 })))
      }
      expect(await stateOf(store)).toEqual(['list=["a","b","c","d","e"]@4'])
    })
  })

  describe('what it remembers', () => {
    /** What a store is asked for while records come one by one. */
    const askedFor = async (records: string, remember: number | undefined) => {
      const { log, store } = logged()
      const source = new Subject<string>()
      const outputs: unknown[] = []
      source.pipe(processKV(store, word, increment, { remember })).subscribe(output => outputs.push(output))
      for (const [i, record] of [...records].entries()) {
        source.next(record)
        await vi.waitFor(() => expect(outputs.length).toBe(i + 1))
      }
      return log
    }

    test('a key that was written needs no lookup', async () => {
      const log = ['read a', 'put a=1@absent', 'read b', 'put b=1@absent', 'put a=2@0']
      expect(await askedFor('aba', 10)).toEqual(log)
    })

    test('is nothing by default: every batch looks its keys up', async () => {
      expect(await askedFor('aa', undefined)).toEqual(['read a', 'put a=1@absent', 'read a', 'put a=2@0'])
    })

    test('is bounded: keys that were not used for long are looked up again', async () => {
      const others = 'bcdefghij'
      expect(await askedFor(`a${others}a`, 4)).toContain('put j=1@absent')
      expect((await askedFor(`a${others}a`, 4)).filter(line => line === 'read a')).toHaveLength(2)
      expect((await askedFor(`a${others}a`, 40)).filter(line => line === 'read a')).toHaveLength(1)
    })
  })

  test('3,000,000 records from a source that can be paused, in flat memory', async () => {
    const total = 3_000_000
    const keys = Array.from({ length: 2000 }, (_, i) => `key${i}`)
    let pulled = 0
    let emitted = 0
    let ahead = 0
    const heap: number[] = []
    const records = function* () {
      while (pulled < total) yield { key: keys[(pulled * 7919) % keys.length]!, n: pulled++ }
    }
    const store = numbers()
    const result$ = pull$(records()).pipe(
      map(({ key, n }) => ({ key, n, even: n % 2 === 0 })),
      filter(({ n }) => n % 3 !== 0),
      processKV(store, ({ key }) => key, increment),
      tap(() => {
        emitted++
        if (pulled * 2 - emitted * 3 > ahead) ahead = pulled * 2 - emitted * 3
        if (emitted % 250_000 === 0) heap.push(heapInUse())
      }),
    )
    await lastValueFrom(result$)
    expect(emitted).toBe((total * 2) / 3)
    const counts = await lastValueFrom(store.getAll$(keys))
    expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBe(emitted)
    // Of three records two pass the filter; two batches may be held.
    expect(ahead / 2).toBeLessThanOrEqual(2 * 8192 * 1.5 + 3)
    expect(heap).toHaveLength(8)
    expect(Math.max(...heap.slice(1)) - heap[0]!).toBeLessThan(8 * 1024 * 1024)
  })
})
