import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import {
  concatMap,
  from,
  lastValueFrom,
  map,
  type Observable,
  Subject,
  Subscriber,
  take,
  takeUntil,
  tap,
  timer,
  toArray,
} from 'rxjs'
import { describe, expect, test, vi } from 'vitest'
import { type Demand, subscribeWithDemand } from '../../src/base/demand.ts'
import { json, memoryStore, processKV, pull$ } from '../../src/index.ts'
import { failureOf } from './cases.ts'

/** A demand that the test opens and closes. */
class Gate implements Demand {
  open = false
  readonly waiting: (() => void)[] = []

  whenOpen(resume: () => void): void {
    this.waiting.push(resume)
  }

  /** Lets `count` records through. */
  admit(count: number): void {
    this.open = true
    this.left = count
    for (const resume of this.waiting.splice(0)) resume()
  }

  left = 0

  took(): void {
    if (--this.left === 0) this.open = false
  }
}

/** Collects what `source$` emits while it is let. */
const collect = <T>(source$: Observable<T>) => {
  const gate = new Gate()
  const outputs: T[] = []
  let ended = false
  const subscriber = new Subscriber<T>({
    next: output => {
      outputs.push(output)
      gate.took()
    },
    error: () => {},
    complete: () => {
      ended = true
    },
  })
  subscribeWithDemand(source$, gate, subscriber)
  return { gate, outputs, subscriber, ended: () => ended }
}

const abc = function* () {
  yield 'a'
  yield 'b'
  yield 'c'
}
const abcLater = async function* () {
  yield* abc()
}

const forms: [name: string, make: () => Iterable<string> | AsyncIterable<string>][] = [
  ['an array', () => ['a', 'b', 'c']],
  ['a string', () => 'abc'],
  ['a generator', abc],
  ['an async generator', abcLater],
  ['a Node stream', () => Readable.from(['a', 'b', 'c'])],
]

describe('pull$', () => {
  test.each(forms)('%s: emits everything and completes', async (_, make) => {
    expect(await lastValueFrom(pull$(make()).pipe(toArray()))).toEqual(['a', 'b', 'c'])
  })

  test.each(forms)('%s: emits only what is asked for', async (_, make) => {
    const { gate, outputs, ended } = collect(pull$(make()))
    await setImmediate()
    expect(outputs).toEqual([])
    gate.admit(2)
    await vi.waitFor(() => expect(gate.waiting.length).toBe(1))
    expect(outputs).toEqual(['a', 'b'])
    gate.admit(2)
    await vi.waitFor(() => expect(ended()).toBe(true))
    expect(outputs).toEqual(['a', 'b', 'c'])
  })

  test.each<[string, Iterable<string> | AsyncIterable<string>]>([
    ['an array', []],
    ['an async generator', (async function* () {})()],
    ['a Node stream', Readable.from([])],
  ])('%s that is empty completes', async (_, empty) => {
    expect(await lastValueFrom(pull$(empty).pipe(toArray()))).toEqual([])
  })

  test('without demand, an iterable is emitted at once, as `from` does', () => {
    const outputs: string[] = []
    pull$(abc()).subscribe(output => outputs.push(output))
    expect(outputs).toEqual(['a', 'b', 'c'])
  })

  test('an iterable is iterated anew for each subscriber', async () => {
    const result$ = pull$(new Set(['a', 'b'])).pipe(toArray())
    expect([await lastValueFrom(result$), await lastValueFrom(result$)]).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ])
  })

  const failing = function* () {
    yield 'a'
    throw new Error('torn')
  }
  test.each<[string, () => Iterable<string> | AsyncIterable<string>]>([
    ['a generator', failing],
    [
      'an async generator',
      async function* () {
        yield* failing()
      },
    ],
    ['a Node stream', () => Readable.from(failing())],
  ])('%s that fails: what came before, then its error', async (_, make) => {
    const { error, outputs } = await failureOf(pull$(make()))
    expect(outputs).toEqual(['a'])
    expect(error.message).toBe('torn')
  })

  test('what cannot be iterated is refused', () => {
    for (const nothing of [undefined, null, 1, {}]) {
      expect(() => pull$(nothing as never)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    }
  })

  describe('unsubscribing', () => {
    test('closes a generator', () => {
      let closed = false
      const endless = function* () {
        try {
          for (let i = 0; ; i++) yield i
        } finally {
          closed = true
        }
      }
      const outputs: number[] = []
      pull$(endless())
        .pipe(take(2))
        .subscribe(output => outputs.push(output))
      expect({ outputs, closed }).toEqual({ outputs: [0, 1], closed: true })
    })

    test('closes a generator that itself has unsubscribed', () => {
      let closed = false
      const stop = new Subject<void>()
      const endless = function* () {
        try {
          for (let i = 0; ; i++) {
            if (i === 2) stop.next()
            yield i
          }
        } finally {
          closed = true
        }
      }
      const outputs: number[] = []
      pull$(endless())
        .pipe(takeUntil(stop))
        .subscribe(output => outputs.push(output))
      expect({ outputs, closed }).toEqual({ outputs: [0, 1], closed: true })
    })

    test('closes an async generator', async () => {
      let closed = false
      const endless = async function* () {
        try {
          for (let i = 0; ; i++) yield i
        } finally {
          closed = true
        }
      }
      expect(await lastValueFrom(pull$(endless()).pipe(take(2), toArray()))).toEqual([0, 1])
      await vi.waitFor(() => expect(closed).toBe(true))
    })

    test('an iterator that fails to close harms nobody', async () => {
      const iterator = {
        next: () => Promise.resolve({ done: false as const, value: 1 }),
        return: () => Promise.reject(new Error('will not')),
      }
      const source = { [Symbol.asyncIterator]: () => iterator }
      expect(await lastValueFrom(pull$(source).pipe(take(1)))).toBe(1)
      await setImmediate()
    })

    test('destroys a Node stream in the middle of a read', async () => {
      const silent = new Readable({ objectMode: true, read() {} })
      const subscription = pull$(silent).subscribe()
      await setImmediate()
      subscription.unsubscribe()
      expect(silent.destroyed).toBe(true)
    })

    test('while it waits for demand closes the source, and no later demand wakes it', async () => {
      const stream = Readable.from(['a', 'b'])
      const { gate, outputs, subscriber } = collect(pull$(stream))
      const array = collect(pull$(['a', 'b']))
      subscriber.unsubscribe()
      array.subscriber.unsubscribe()
      expect(stream.destroyed).toBe(true)
      gate.admit(2)
      array.gate.admit(2)
      await setImmediate()
      expect([...outputs, ...array.outputs]).toEqual([])
    })
  })

  test('one that is exhausted is not closed again', async () => {
    const close = vi.fn(() => ({ done: true as const, value: undefined }))
    const letters = abc()
    const source = { [Symbol.iterator]: () => ({ next: () => letters.next(), return: close }) }
    await lastValueFrom(pull$(source))
    expect(close).not.toHaveBeenCalled()
  })

  const endless = function* () {
    for (let i = 0; ; i++) yield i
  }
  test.each<[string, () => Iterable<number> | AsyncIterable<number>]>([
    ['a generator', endless],
    [
      'an async generator',
      async function* () {
        yield* endless()
      },
    ],
    ['a Node stream', () => Readable.from(endless())],
  ])('%s that never ends lets timers run', async (_, make) => {
    const store = memoryStore({ value: json<number>() })
    const result$ = pull$(make()).pipe(
      processKV(
        store,
        i => `key${i % 10}`,
        i => i,
      ),
      takeUntil(timer(50)),
    )
    const [last] = await lastValueFrom(result$)
    expect(last).toBeGreaterThan(0)
  })

  test.each<[string, (names: string[]) => Observable<string>]>([
    ['of', names => from(names)],
    ['pull$', names => pull$(names)],
    [
      'pull$ of an async generator',
      names =>
        pull$(
          (async function* () {
            yield* names
          })(),
        ),
    ],
  ])('follows the demand through other operators, and in every inner source of %s', async (_, outer) => {
    let pulled = 0
    let emitted = 0
    let ahead = 0
    const records = function* (name: string) {
      for (let i = 0; i < 50; i++) {
        pulled++
        yield `${name}${i}`
      }
    }
    const store = memoryStore({ value: json<number>() })
    const result$ = outer(['a', 'b', 'c']).pipe(
      concatMap(name => pull$(records(name))),
      map(record => record),
      processKV(
        store,
        record => record,
        () => 1,
        { commitSize: 5 },
      ),
    )
    await lastValueFrom(
      result$.pipe(
        tap(() => {
          emitted++
          ahead = Math.max(ahead, pulled - emitted)
        }),
      ),
    )
    expect(emitted).toBe(150)
    expect(ahead).toBeLessThanOrEqual(10)
  })
})
