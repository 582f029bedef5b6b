import type FastCheck from 'fast-check'
import type { ExpectedVersion } from '../contract/engine.ts'
import type { ListOptions, Mutation } from '../store/kv-store.ts'
import { type FaultsOptions, faultSchedules } from './arbitrary-faults.ts'
import { type MemberEvent, type MembershipsOptions, membershipSchedules } from './arbitrary-memberships.ts'
import type { Operation } from './operations.ts'
import type { StoreFault } from './store-faults.ts'

type Arbitrary<T> = FastCheck.Arbitrary<T>

/** Options of {@link Arbitraries.operations}. */
export interface OperationsOptions {
  /**
   * The types of operations; without `delete`, updates and transactions do not delete either.
   * @defaultValue all
   */
  readonly types?: readonly Operation<unknown>['type'][] | undefined
  /**
   * The most different keys; with few keys, operations collide.
   * @defaultValue 4
   */
  readonly keys?: number | undefined
  /**
   * The most operations.
   * @defaultValue 20
   */
  readonly maxLength?: number | undefined
}

/** Arbitraries for stores; see {@link arbitraries}. */
export interface Arbitraries {
  /** Any key: non-empty, well-formed Unicode, often hard to handle (`..`, `/`, `%41`, control characters, emoji). */
  key(): Arbitrary<string>
  /** Any JSON value that JSON preserves. */
  value(): Arbitrary<FastCheck.JsonValue>
  /** A key with a value. */
  entry<V>(value: Arbitrary<V>): Arbitrary<[key: string, value: V]>
  /** Entries of different keys. */
  entries<V>(value: Arbitrary<V>): Arbitrary<[key: string, value: V][]>
  /** A range to list; with `keys`, its bounds are at, before and after them. */
  range(keys?: readonly string[]): Arbitrary<ListOptions>
  /** A sequence of operations on a few keys, conditional ones included. */
  operations<V>(value: Arbitrary<V>, options?: OperationsOptions): Arbitrary<Operation<V>[]>
  /**
   * A schedule of faults for `faultyStore` and `inflictFaults`, in order; shrinks to fewer, earlier, shorter and milder
   * ones.
   */
  faults(options?: FaultsOptions): Arbitrary<StoreFault[]>
  /** Events in the life of the members of a group, in order; shrinks to fewer and milder events. */
  memberships(options?: MembershipsOptions): Arbitrary<MemberEvent[]>
}

const NASTY_KEYS = [
  '.',
  '..',
  '/',
  'a/b',
  '../a',
  'zookeeper',
  '%',
  '%41',
  '%2F',
  ' ',
  '\0',
  '\n',
  '\u007f',
  '\u009f',
  '\ud7ff',
  '\ue000',
  '\uf8ff',
  '\ufff0',
  '\uffff',
  '\u{10000}',
  '😀',
  '\u{10ffff}',
  'é',
  'e\u0301',
  '__proto__',
]

/**
 * Arbitraries of fast-check (give it: `import fc from 'fast-check'`) for keys, values, entries, ranges, sequences of
 * operations, and schedules of faults.
 *
 * @example
 * ```ts
 * import fc from 'fast-check'
 * import { firstValueFrom } from 'rxjs'
 * import { json, memoryStore } from 'rxkeeper'
 * import { arbitraries } from 'rxkeeper/testing'
 *
 * const { key, value } = arbitraries(fc)
 * await fc.assert(
 *   fc.asyncProperty(key(), value(), async (key, value) => {
 *     await using store = memoryStore({ value: json<fc.JsonValue>() })
 *     await firstValueFrom(store.put$(key, value))
 *     return JSON.stringify(await firstValueFrom(store.get$(key))) === JSON.stringify(value)
 *   }),
 * )
 * ```
 */
export function arbitraries(fc: typeof FastCheck): Arbitraries {
  const piece = fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom(...NASTY_KEYS) },
    { weight: 3, arbitrary: fc.string({ minLength: 1, maxLength: 3 }) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 3 }) },
  )
  const anyKey = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('a', 'b', 'c', 'ab', 'abc') },
    { weight: 5, arbitrary: fc.array(piece, { minLength: 1, maxLength: 4 }).map(pieces => pieces.join('')) },
  )
  const jsonValue = fc.jsonValue().map(value => JSON.parse(JSON.stringify(value)) as FastCheck.JsonValue)
  const ifVersion: Arbitrary<ExpectedVersion | undefined> = fc.oneof(
    { weight: 3, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constant('absent' as const) },
    { weight: 3, arbitrary: fc.nat(3) },
  )
  const ifNumber: Arbitrary<number | undefined> = fc.option(fc.nat(3), { nil: undefined })

  // Plain objects, which are easier to read in a report.
  const record = <T>(model: { [K in keyof T]: Arbitrary<T[K]> }): Arbitrary<T> =>
    fc.record<T>(model, { noNullPrototype: true })

  function range(keys: readonly string[] = []): Arbitrary<ListOptions> {
    const near = keys.flatMap(key => [key, `${key}\0`, String.fromCodePoint(key.codePointAt(0)!)])
    const bound = near.length === 0 ? anyKey : fc.oneof(fc.constantFrom(...near), anyKey)
    return fc.record(
      {
        from: bound,
        to: bound,
        prefix: bound,
        reverse: fc.boolean(),
        limit: fc.nat(6),
      },
      { requiredKeys: [], noNullPrototype: true },
    )
  }

  function mutation<V>(
    key: Arbitrary<string>,
    value: Arbitrary<V>,
    mayDelete: boolean,
  ): Arbitrary<Mutation<V>> {
    const expected = ifVersion.filter(version => version !== undefined)
    const put = record<Mutation<V>>({ type: fc.constant('put'), key, value, ifVersion })
    const check = record<Mutation<V>>({ type: fc.constant('check'), key, ifVersion: expected })
    const deletion = record<Mutation<V>>({ type: fc.constant('delete'), key, ifVersion: ifNumber })
    return mayDelete ? fc.oneof(put, check, deletion) : fc.oneof(put, check)
  }

  function operation<V>(
    keys: readonly string[],
    value: Arbitrary<V>,
    types: OperationsOptions['types'],
  ): Arbitrary<Operation<V>> {
    const key = fc.constantFrom(...keys)
    const someKeys = fc.array(key, { maxLength: keys.length + 1 })
    const mayDelete = types === undefined || types.includes('delete')
    const next = mayDelete ? fc.option(value, { nil: undefined }) : value
    const is = <T extends string>(type: T): Arbitrary<T> => fc.constant(type)
    const all: { [T in Operation<V>['type']]: Arbitrary<Operation<V>> } = {
      get: record({ type: is('get'), key }),
      entry: record({ type: is('entry'), key }),
      getAll: record({ type: is('getAll'), keys: someKeys }),
      entryAll: record({ type: is('entryAll'), keys: someKeys }),
      put: record({ type: is('put'), key, value, ifVersion }),
      putAll: record({ type: is('putAll'), entries: fc.array(fc.tuple(key, value), { maxLength: 4 }) }),
      delete: record({ type: is('delete'), key, ifVersion: ifNumber }),
      deleteAll: record({ type: is('deleteAll'), keys: someKeys }),
      update: record({ type: is('update'), key, next: fc.func(next) }),
      transact: record({
        type: is('transact'),
        writes: fc.array(mutation(key, value, mayDelete), { maxLength: 4 }),
      }),
      entries: record({ type: is('entries'), options: range(keys) }),
      keys: record({ type: is('keys'), options: range(keys) }),
    }
    return fc.oneof(...(types ?? (Object.keys(all) as (keyof typeof all)[])).map(type => all[type]))
  }

  return {
    key: () => anyKey,
    value: () => jsonValue,
    entry: value => fc.tuple(anyKey, value),
    entries: value => fc.uniqueArray(fc.tuple(anyKey, value), { selector: ([key]) => key }),
    range,
    operations: (value, { types, keys = 4, maxLength = 20 } = {}) =>
      fc
        .uniqueArray(anyKey, { minLength: 1, maxLength: keys })
        .chain(some => fc.array(operation(some, value, types), { maxLength })),
    faults: options => faultSchedules(fc, options),
    memberships: options => membershipSchedules(fc, options),
  }
}
