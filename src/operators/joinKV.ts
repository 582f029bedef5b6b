import type { OperatorFunction } from 'rxjs'
import { oneOf } from '../base/arguments.ts'
import type { KVStore } from '../store/kv-store.ts'
import type { EventTimeOptions } from './event-time.ts'
import { late, processFinal } from './internal/final.ts'
import { JoinRules, sideOf } from './internal/join-rules.ts'

/** A record of one of two streams. */
export type Sided<L, R> = { readonly left: L } | { readonly right: R }

/** A record that waits for its join partners. */
export interface Buffered<T> {
  /** When it happened, in milliseconds. */
  readonly at: number
  readonly record: T
  /** Whether it was joined to another record. */
  readonly joined?: true | undefined
}

/** The value of a key in the store of {@link joinKV}: the waiting records of both sides, oldest first. */
export interface JoinBuffers<L, R> {
  readonly left: readonly Buffered<L>[]
  readonly right: readonly Buffered<R>[]
}

/** Which records are emitted alone, with `undefined` for the other side, if nothing was joined to them. */
export type JoinType = 'inner' | 'left' | 'outer'

/** A joined pair; `undefined` stands for a missing side. */
export type Joined<L, R, K extends JoinType> = K extends 'inner'
  ? [left: L, right: R]
  : K extends 'left'
    ? [left: L, right: R | undefined]
    : [left: L, right: R] | [left: L, right: undefined] | [left: undefined, right: R]

/** Key and time of the records of one side. */
export interface JoinSide<T> {
  /** The key: records with the same key are joined. */
  readonly keyOf: (record: T) => string
  /** When a record happened: a `Date`, or milliseconds, whose fractions are dropped. */
  readonly timeOf: (record: T) => number | Date
}

/** Options of {@link joinKV}. */
export interface JoinKVOptions<L, R, K extends JoinType = 'inner', O = Joined<L, R, K>>
  extends EventTimeOptions<Sided<L, R>, JoinBuffers<L, R>, O> {
  readonly left: JoinSide<L>
  readonly right: JoinSide<R>
  /**
   * How much earlier than the left record a joined right record may be, in whole milliseconds.
   * @defaultValue 0
   */
  readonly before?: number | undefined
  /**
   * How much later than the left record a joined right record may be, in whole milliseconds.
   * @defaultValue 0
   */
  readonly after?: number | undefined
  /**
   * Which records are emitted alone if nothing was joined to them: none (`'inner'`), those of the left side (`'left'`),
   * or of both (`'outer'`).
   * @defaultValue `'inner'`
   */
  readonly type?: K | undefined
  /**
   * How much older than the newest record of its side, of any key, a record may be without being late, in whole
   * milliseconds.
   * @defaultValue 0
   */
  readonly lateness?: number | undefined
  /**
   * Makes the output of a joined pair. Must be pure.
   * @defaultValue `[left, right]`
   */
  readonly project?: ((...joined: Joined<L, R, K>) => O) | undefined
}

/**
 * Joins two streams: each left record with the right records that have the same key and happened within an interval
 * around it: at most `before` earlier, and at most `after` later.
 *
 * The source merges both streams, each record as `{ left }` or `{ right }`, in any order. A record waits in the store,
 * under its key, until no join partner can come any more, that is until the watermark has passed its interval. The
 * watermark is the time of the newest record of the side that is further behind, minus `lateness`; a side without a
 * record for `idleAfter`, by the clock, does not hold it back. A record older than the watermark is late: it is not
 * joined, and goes to `deadLetter` with the code `LATE`. So every pair of records within the interval that were not
 * late is joined exactly once, in whatever order they came.
 *
 * Works as `processKV` does: the waiting records of a key are one value, read and written in atomic commits; keep the
 * interval short for keys with many records. A record, its joins, and the timer that ends its waiting are in one
 * commit.
 *
 * Emits `[left, right]` for each pair, once durable; with `type: 'left'` also `[left, undefined]` for a left record
 * that nothing was joined to, once its interval is over; with `'outer'` those of both sides. The partners of a record
 * come in order of time. Outputs are emitted after the commit, so at most once if the process dies in between;
 * `commitOutputs` writes those that must not be lost. Completes when the source has completed and all is emitted.
 * Errors are those of `processKV` with `timers`. `INVALID_ARGUMENT`, at once, for a bad option.
 *
 * @example
 * ```ts
 * import { from } from 'rxjs'
 * import { type JoinBuffers, joinKV, json, memoryStore } from 'rxkeeper'
 *
 * interface Order { id: string; at: number }
 * interface Payment { order: string; at: number; cents: number }
 * const store = memoryStore({ value: json<JoinBuffers<Order, Payment>>() })
 * from([
 *   { left: { id: '17', at: 100 } },
 *   { left: { id: '18', at: 120 } },
 *   { right: { order: '17', at: 130, cents: 990 } },
 * ]).pipe(
 *   joinKV(store, {
 *     left: { keyOf: order => order.id, timeOf: order => order.at },
 *     right: { keyOf: payment => payment.order, timeOf: payment => payment.at },
 *     after: 60,
 *     type: 'left',
 *     name: 'payments',
 *     closeAtEnd: true,
 *   }),
 * ).subscribe(([order, payment]) => console.log(order.id, payment?.cents)) // 17 990, 18 undefined
 * ```
 */
export function joinKV<L, R, K extends JoinType = 'inner', O = Joined<L, R, K>>(
  store: KVStore<JoinBuffers<L, R>>,
  options: JoinKVOptions<NoInfer<L>, NoInfer<R>, K, O>,
): OperatorFunction<Sided<L, R>, O> {
  oneOf<JoinType>('type', options.type ?? 'inner', ['inner', 'left', 'outer'])
  const rules = new JoinRules<L, R, O>(options as unknown as JoinKVOptions<L, R, JoinType, O>)
  return processFinal<Sided<L, R>, Sided<L, R>, JoinBuffers<L, R>, O>(store, options, {
    recordOf: record => record,
    keyOf: record => rules.keyOf(record),
    timeOf: record => rules.timeOf(record),
    lateness: options.lateness,
    lanes: { count: 2, of: record => (sideOf(record) === 'left' ? 0 : 1) },
    transform(record, buffers, timers) {
      const time = rules.timeOf(record)
      if (time < timers.now) throw late(time, timers.now, 'what it could be joined to may be gone')
      const after = rules.add(record, buffers)
      timers.set(rules.next(after))
      return after
    },
    outputsOf: (record, before) => rules.outputs(record, before),
    onTimer({ at }, buffers, timers) {
      const rest = rules.rest(buffers, at)
      if (rest !== undefined) timers.set(rules.next(rest))
      return rest
    },
    resultsOf: ({ at }, before) => rules.alone(before, at),
  })
}
