import {
  catchError,
  defer,
  finalize,
  from,
  lastValueFrom,
  map,
  Observable,
  type OperatorFunction,
  of,
  range,
  Subject,
  take,
  tap,
  throwError,
  toArray,
} from 'rxjs'
import { TestScheduler } from 'rxjs/testing'
import { describe, expect, test } from 'vitest'
import {
  json,
  KVError,
  type KVStore,
  Memory,
  memoryStore,
  type OperatorOptions,
  pull$,
  text,
} from '../../src/index.ts'
import { delayed, type Hook, hookedStore, keysOf, type Request } from './engines.ts'

/** An operator under test, made so that its records are keys and its outputs the records. */
export interface Specimen {
  make(store: KVStore<number>, options?: OperatorOptions): OperatorFunction<string, string>
  /** The same with a callback that throws `new Error('boom')` for the record `x`. */
  makeThrowing(store: KVStore<number>): OperatorFunction<string, string>
  /**
   * How many calls of the store follow each other for a record; 0 where it knows all that it needs.
   * @defaultValue 1
   */
  readonly calls?: number
  /**
   * How many records it may hold with a concurrency of so many.
   * @defaultValue as many
   */
  readonly held?: (concurrency: number) => number
  /**
   * Whether it asks the store for each record by itself, and can be told to emit out of order.
   * @defaultValue true
   */
  readonly eachForItself?: boolean
}

/** Runs a test on virtual time. */
export const virtually = (body: (scheduler: TestScheduler) => void): void => {
  const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected))
  scheduler.run(() => body(scheduler))
}

/** The error that ends `result$`, and what was emitted before it. */
export const failureOf = <R>(result$: Observable<R>): Promise<{ error: KVError; outputs: R[] }> =>
  new Promise((resolve, reject) => {
    const outputs: R[] = []
    result$.subscribe({
      next: output => outputs.push(output),
      error: error => resolve({ error, outputs }),
      complete: () => reject(new Error('completed')),
    })
  })

/** Whether `work` grows no faster than its size, with room for the costs of a first run. */
export async function expectLinear(work: (size: number) => Promise<unknown>): Promise<void> {
  const cost = async (size: number): Promise<number> => {
    const before = process.cpuUsage()
    await work(size)
    const { user, system } = process.cpuUsage(before)
    return user + system
  }
  await cost(30_000)
  const small = await cost(30_000)
  expect(await cost(300_000)).toBeLessThan(40 * small)
}

const numbers = (): KVStore<number> => memoryStore({ value: json<number>() })

/** A store with a cache, in which what is stored under `key` is no JSON. */
function cachedNonsense(key: string): KVStore<number> {
  const memory = new Memory()
  memoryStore({ value: text, memory }).put$(key, '{').subscribe()
  return memoryStore({ value: json<number>(), memory, cache: 10 })
}

/** The cases that every operator has to pass. */
export function operatorCases({ make, makeThrowing, calls = 1, held = n => n, ...more }: Specimen): void {
  const { eachForItself = true } = more

  describe('on a store that answers at once', () => {
    const onVirtualTime = (scheduler: TestScheduler): KVStore<number> =>
      memoryStore({ value: json<number>(), scheduler })

    test.each([
      ['never', '-', '-'],
      ['empty', '|', '|'],
      ['empty, later', '---|', '---|'],
      ['one', '--a--|', '--a--|'],
      ['one, never-ending', '--a--', '--a--'],
      ['many', 'a-bc---(aba)-|', 'a-bc---(aba)-|'],
      ['many at once', '(abcab|)', '(abcab|)'],
      ['source error', '--#', '--#'],
      ['source error after records', 'a--b-#', 'a--b-#'],
    ])('%s', (_, source, expected) => {
      virtually(scheduler => {
        const store = onVirtualTime(scheduler)
        const source$ = scheduler.createColdObservable(source)
        scheduler.expectObservable(source$.pipe(make(store))).toBe(expected)
      })
    })

    test('early unsubscribe: the source is let go, nothing more is emitted', () => {
      virtually(scheduler => {
        const store = onVirtualTime(scheduler)
        const source$ = scheduler.createHotObservable('a-b-c-d-|')
        scheduler.expectObservable(source$.pipe(make(store)), '---!').toBe('a-b-')
        scheduler.expectSubscriptions(source$.subscriptions).toBe('^--!')
      })
    })

    test('take(n) of a synchronous source that never ends', async () => {
      const counter = { emitted: 0 }
      const endless$ = new Observable<string>(subscriber => {
        while (!subscriber.closed && counter.emitted < 100_000) subscriber.next(`key${counter.emitted++ % 7}`)
      })
      const outputs = await lastValueFrom(endless$.pipe(make(numbers()), take(3), toArray()))
      expect(outputs).toEqual(['key0', 'key1', 'key2'])
    })

    test('take(n) lets the source go at once', () => {
      virtually(scheduler => {
        const store = onVirtualTime(scheduler)
        const source$ = scheduler.createHotObservable('a-b-c-d-|')
        scheduler.expectObservable(source$.pipe(make(store), take(2))).toBe('a-(b|)')
        scheduler.expectSubscriptions(source$.subscriptions).toBe('^-!')
      })
    })

    test('a throwing callback: the outputs of the records before, then CALLBACK', async () => {
      const { error, outputs } = await failureOf(of('a', 'b', 'x', 'c').pipe(makeThrowing(numbers())))
      expect(outputs).toEqual(['a', 'b'])
      expect(error).toMatchObject({ name: 'KVError', code: 'CALLBACK', cause: { message: 'boom' } })
    })

    test('a throwing callback on the first record', async () => {
      const { error, outputs } = await failureOf(of('x', 'a').pipe(makeThrowing(numbers())))
      expect({ code: error.code, outputs }).toEqual({ code: 'CALLBACK', outputs: [] })
    })

    test('a bad key: the outputs of the records before, then INVALID_KEY', async () => {
      const { error, outputs } = await failureOf(of('a', 'b', '', 'c').pipe(make(numbers())))
      expect({ code: error.code, outputs }).toEqual({ code: 'INVALID_KEY', outputs: ['a', 'b'] })
    })

    test('a closed store: CLOSED', async () => {
      const store = numbers()
      await store.close()
      const { error, outputs } = await failureOf(of('a', 'b').pipe(make(store)))
      expect({ code: error.code, outputs }).toEqual({ code: 'CLOSED', outputs: [] })
    })

    test('reentrancy: each output brings the next record', async () => {
      const source = new Subject<string>()
      const outputs: string[] = []
      const done = lastValueFrom(
        source.pipe(
          make(numbers()),
          tap(output => {
            outputs.push(output)
            if (outputs.length < 20_000) source.next(`key${outputs.length}`)
            else source.complete()
          }),
        ),
      )
      source.next('key0')
      await done
      expect(outputs).toEqual(Array.from({ length: 20_000 }, (_, i) => `key${i}`))
    })

    test('subscribed twice at the same time', async () => {
      const result$ = of('a', 'b', 'a').pipe(make(numbers()), toArray())
      const both = await Promise.all([lastValueFrom(result$), lastValueFrom(result$)])
      expect(both).toEqual([
        ['a', 'b', 'a'],
        ['a', 'b', 'a'],
      ])
    })
  })

  test('300,000 records at once, in linear time', async () => {
    await expectLinear(size =>
      lastValueFrom(
        range(0, size).pipe(
          map(i => `key${i % 1000}`),
          make(numbers()),
        ),
      ),
    )
  })

  const onSlowEngine = (): void => {
    /** Each key travels by itself, as many at a time as one likes. */
    const alone = { readBatch: 1, writeBatch: 1, inFlight: 1000 }
    const slow = (
      scheduler: TestScheduler,
      delay: (request: Request) => number = () => 3,
      ...hooks: Hook[]
    ): KVStore<number> =>
      hookedStore({ value: json<number>(), scheduler, limits: alone }, ...hooks, delayed(delay))
    const wait = '-'.repeat(3 * calls)
    const failing =
      (error: KVError): Hook =>
      (request, answer$) =>
        keysOf(request)[0] === 'x' ? throwError(() => error) : answer$

    test('completes when all that is under way is done', () => {
      virtually(scheduler => {
        const source$ = scheduler.createColdObservable('a|')
        scheduler.expectObservable(source$.pipe(make(slow(scheduler)))).toBe(`${wait}(a|)`)
      })
    })

    test('an error of the source passes at once', () => {
      virtually(scheduler => {
        const source$ = scheduler.createColdObservable('a#')
        scheduler.expectObservable(source$.pipe(make(slow(scheduler)))).toBe('-#')
      })
    })

    test('unsubscribing withdraws what has not been sent', () => {
      virtually(scheduler => {
        const asked: string[] = []
        const store = hookedStore(
          { value: json<number>(), scheduler, limits: { ...alone, inFlight: 1 } },
          (request, answer$) =>
            defer(() => {
              asked.push(...keysOf(request))
              return answer$
            }),
          delayed(() => 3),
        )
        scheduler.expectObservable(of('a', 'b').pipe(make(store)), '--!').toBe('---')
        scheduler.flush()
        expect(asked.filter(key => key.startsWith('b'))).toEqual([])
        expect(asked).toHaveLength(1)
      })
    })

    test('works on so many records at a time as `concurrency` says', () => {
      virtually(scheduler => {
        let under = 0
        let most = 0
        const counting: Hook = (request, answer$) =>
          defer(() => {
            const count = keysOf(request).length
            under += count
            most = Math.max(most, under)
            return answer$.pipe(
              finalize(() => {
                under -= count
              }),
            )
          })
        const store = slow(scheduler, () => 3, counting)
        const keys = Array.from({ length: 20 }, (_, i) => `key${i}`)
        const outputs: string[] = []
        from(keys)
          .pipe(make(store, { concurrency: 4 }))
          .subscribe(output => outputs.push(output))
        scheduler.flush()
        expect(outputs).toEqual(keys)
        expect(most).toBeGreaterThanOrEqual(4)
        expect(most).toBeLessThanOrEqual(held(4))
      })
    })

    if (eachForItself) {
      test('an error of the store comes after the outputs of the records before', () => {
        virtually(scheduler => {
          const error = new KVError('AUTH', 'not allowed', { key: 'x' })
          const source$ = scheduler.createColdObservable('ax-b-|')
          scheduler
            .expectObservable(source$.pipe(make(slow(scheduler, () => 3, failing(error)))))
            .toBe(`${wait}(a#)`, undefined, error)
        })
      })

      test.each([
        [true, [`${'-'.repeat(6 * calls)}(ab)`, 'c']],
        [false, [`-${'-'.repeat(calls)}b${'-'.repeat(Math.max(0, 5 * calls - 2))}a`, 'c']],
      ])('ordered: %s', (ordered, [first]) => {
        virtually(scheduler => {
          const delays: Record<string, number> = { a: 6, b: 1 }
          const store = slow(scheduler, request => delays[keysOf(request)[0]!]!)
          const source$ = scheduler.createColdObservable('ab')
          scheduler.expectObservable(source$.pipe(make(store, { ordered }))).toBe(first!)
        })
      })

      test('out of order, an error of the store passes at once', () => {
        virtually(scheduler => {
          const error = new KVError('AUTH', 'not allowed', { key: 'x' })
          const source$ = scheduler.createColdObservable('ax-b-|')
          scheduler
            .expectObservable(
              source$.pipe(
                make(
                  slow(scheduler, () => 3, failing(error)),
                  { ordered: false },
                ),
              ),
            )
            .toBe('-#', undefined, error)
        })
      })
    }
  }
  if (calls > 0) describe('with an engine that takes 3 frames for a call', onSlowEngine)

  test('any number of records at a time', async () => {
    const keys = Array.from({ length: 5000 }, (_, i) => `key${i}`)
    const outputs = await lastValueFrom(
      from(keys).pipe(make(numbers(), { concurrency: Number.POSITIVE_INFINITY }), toArray()),
    )
    expect(outputs).toEqual(keys)
  })

  test('a value in the cache that cannot be decoded fails its record, not its source', async () => {
    const source = new Subject<string>()
    const store = cachedNonsense('bad')
    await lastValueFrom(store.get$('bad').pipe(catchError(() => of(undefined))))
    const end = new Promise<unknown>(resolve =>
      source.pipe(make(store)).subscribe({ error: resolve, complete: () => resolve(undefined) }),
    )
    expect(() => source.next('bad')).not.toThrow()
    source.complete()
    // Operators that only write, or have keys of their own, never hear of it.
    const error = await end
    if (error !== undefined) expect(error).toMatchObject({ code: 'CODEC', key: 'bad' })
  })

  test('takes no more from a source that can be paused than it may hold', async () => {
    let pulled = 0
    let emitted = 0
    let ahead = 0
    const keys = function* () {
      while (pulled < 5000) yield `key${pulled++ % 100}`
    }
    await lastValueFrom(
      pull$(keys()).pipe(
        map(key => key),
        make(numbers(), { concurrency: 10 }),
        tap(() => {
          emitted++
          ahead = Math.max(ahead, pulled - emitted)
        }),
      ),
    )
    expect(emitted).toBe(5000)
    if (calls > 0) expect(ahead).toBeGreaterThan(0)
    expect(ahead).toBeLessThanOrEqual(held(10))
  })

  test.each([0, -1, 1.5, Number.NaN])('refuses a concurrency of %d', concurrency => {
    expect(() => make(numbers(), { concurrency })).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(`(concurrency|commitSize).* from 1 .*${concurrency}`),
      }),
    )
  })
}
