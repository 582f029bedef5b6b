import assert from 'node:assert/strict'
import type { Observable, Subscription } from 'rxjs'
import { KVError, type KVErrorCode } from '../../base/errors.ts'
import type { KVStore } from '../../store/kv-store.ts'
import { eventually } from '../waiting.ts'

/** How long the suite waits for an expected event, in milliseconds. */
const PATIENCE = 10_000

/** Everything that an Observable emits until it completes; subscribes at once. */
export const all = <T>(source$: Observable<T>): Promise<T[]> =>
  new Promise((resolve, reject) => {
    const values: T[] = []
    source$.subscribe({ next: value => values.push(value), error: reject, complete: () => resolve(values) })
  })

/** The only value that an Observable emits before it completes; subscribes at once. */
export async function one<T>(source$: Observable<T>): Promise<T> {
  const values = await all(source$)
  assert.equal(values.length, 1, `expected one value, got ${values.length}`)
  return values[0]!
}

/** Writes entries one by one, since their keys may not be able to share a transaction. */
export async function fill<V>(
  store: KVStore<V>,
  entries: Iterable<readonly [key: string, value: V]>,
): Promise<void> {
  await Promise.all(Array.from(entries, ([key, value]) => one(store.put$(key, value))))
}

/** A key that can share a transaction with all others made this way, even in a store over several ensembles. */
export const together = (key: string): string => `{t}${key}`

/** Asserts that an Observable fails with a KVError of `code`, without emitting before; subscribes at once. */
export async function fails(source$: Observable<unknown>, ...codes: KVErrorCode[]): Promise<KVError> {
  const values: unknown[] = []
  const error = await new Promise<unknown>(resolve => {
    source$.subscribe({
      next: value => values.push(value),
      error: resolve,
      complete: () => resolve(undefined),
    })
  })
  if (!(error instanceof KVError)) {
    throw new assert.AssertionError({
      message: `expected to fail with ${codes.join(' or ')}, but got ${error === undefined ? 'a result' : error}`,
      actual: values,
    })
  }
  assert.ok(codes.includes(error.code), `expected ${codes.join(' or ')}, got ${error.code}: ${error.message}`)
  assert.deepEqual(values, [], 'an operation that fails emits nothing')
  assert.notEqual(error.message, '')
  return error
}

/** Records what an Observable emits from now on. */
export class Recorder<T> implements Disposable {
  readonly values: T[] = []
  error: unknown
  completed = false
  readonly #subscription: Subscription

  constructor(source$: Observable<T>) {
    this.#subscription = source$.subscribe({
      next: value => this.values.push(value),
      error: error => {
        this.error = error
      },
      complete: () => {
        this.completed = true
      },
    })
  }

  /** Resolves as soon as `reached` holds; otherwise fails, and shows what was recorded. */
  async until(reached: (recorder: this) => boolean, what = 'what must come'): Promise<this> {
    return eventually(
      () => {
        if (reached(this)) return this
        if (this.error !== undefined) throw this.error
        return undefined
      },
      () => {
        const shown = JSON.stringify(this.values.slice(-20))
        return new Error(`${what} did not come; ${this.values.length} values, the last are ${shown}`)
      },
      { timeout: PATIENCE, every: 2 },
    )
  }

  /** Resolves as soon as the last value equals `value`. */
  untilLast(value: T): Promise<this> {
    return this.until(
      ({ values }) => values.length > 0 && isEqual(values.at(-1), value),
      `the value ${JSON.stringify(value)}`,
    )
  }

  /** Resolves as soon as the Observable has ended. */
  untilEnd(): Promise<this> {
    return this.until(({ completed, error }) => completed || error !== undefined, 'the end')
  }

  [Symbol.dispose](): void {
    this.#subscription.unsubscribe()
  }
}

/** Whether two values are deeply equal. */
export function isEqual(actual: unknown, expected: unknown): boolean {
  try {
    assert.deepEqual(actual, expected)
    return true
  } catch {
    return false
  }
}

/** `length` integers from 0. */
export const numbers = (length: number): number[] => Array.from({ length }, (_, i) => i)

/** Waits for the next turns of the event loop, so that what was called is in flight. */
export const nextTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
