import type { OperatorFunction } from 'rxjs'
import type { KVError } from '../base/errors.ts'
import type { OwnedPartition } from '../contract/owned-partition.ts'
import { accessOf } from '../store/access.ts'
import type { BytesPut, KVStore, Mutation } from '../store/kv-store.ts'
import type { Journal } from './internal/journal.ts'
import { keptOf } from './internal/kept.ts'
import { processOn } from './internal/process-on.ts'
import { processTimed } from './internal/timers/timed.ts'
import type { FiredTimer, TimerOptions, Timers } from './timers.ts'

/** A record, or a timer, that could not be processed, and why. It has no effect on the state. */
export interface DeadLetter<T> {
  readonly record: T
  readonly error: KVError
}

/** Options of {@link processKV}. */
export interface ProcessOptions<T, V, N, R = unknown> {
  /**
   * Makes the output from the record, the new value, and the previous value.
   * @defaultValue `[record, value]`
   */
  readonly project?: ((record: T, value: N, previous: V | undefined) => R) | undefined
  /**
   * The most records in one commit, from 1 to `Infinity`. The operator holds the records of the commits in flight (one;
   * with a `partition` four) and of one more. A source that can be paused (`pull$`) is then paused; records of other
   * sources wait in memory.
   * @defaultValue 8192
   */
  readonly commitSize?: number | undefined
  /**
   * About how many recently used keys to remember with their values, so that they need no lookup: the commit checks the
   * version. Only safe if nobody deletes these keys: one that was deleted and recreated up to the same version is
   * mistaken for the old one, and the other's write is lost.
   * @defaultValue 0: every batch looks its keys up
   */
  readonly remember?: number | undefined
  /**
   * Whether `transform` has returned an unchanged value, which need not be written. An object may have been changed in
   * place: pass `Object.is` if you know that it was not.
   * @defaultValue identical primitives; every object is written
   */
  readonly unchanged?: ((before: V, after: V) => boolean) | undefined
  /**
   * Gets each record that fails, in order with the outputs; the stream goes on without it, and it has no effect on the
   * state. Its errors are `CALLBACK` (`keyOf`, `transform` or `project` threw), `INVALID_KEY`, `CODEC` and
   * `VALUE_TOO_LARGE`; other errors end the stream.
   * @defaultValue `'fail'`: the error ends the stream, after the outputs of the records before
   */
  readonly deadLetter?: 'fail' | ((letter: DeadLetter<T>) => void) | undefined
  /**
   * Further writes for the commit of these records (all that it covers, in order, including dead letters), for instance
   * the position of the last one in the input: all writes of a commit are durable, or none. They must be on keys that
   * no record has; a put of `bytes` bypasses the codec. May be called again if the commit is repeated. An error of one
   * of these writes, `VERSION_CONFLICT` included, ends the stream.
   * @defaultValue none
   */
  readonly commitWith?: ((records: readonly T[]) => Iterable<Mutation<V> | BytesPut>) | undefined
  /**
   * As `commitWith`, but for the outputs of the commit: for results that must be in the store exactly once, not only
   * emitted.
   * @defaultValue none
   */
  readonly commitOutputs?: ((outputs: readonly R[]) => Iterable<Mutation<V> | BytesPut>) | undefined
  /**
   * The partition that the records come from, as `ownPartitions$` emits it. Each commit then carries its fence and
   * position, several commits are in flight at a time, and written values are remembered. Once another member has taken
   * the partition over, nothing more is committed or emitted: the stream ends with `FENCED`.
   * @defaultValue none
   */
  readonly partition?: Pick<OwnedPartition<unknown>, 'fences'> | undefined
  /**
   * The position of a record in its partition, after which reading goes on when the partition is read again. JSON.
   * @defaultValue none; needed with a `partition`
   */
  readonly positionOf?: ((record: T) => unknown) | undefined
  /**
   * How long a value lives after the last record of its key, in whole milliseconds; then it reads as absent. With a
   * `partition`, it is then also deleted in a commit; without one, when the key's next record comes, or by `sweep$`.
   * @defaultValue for ever
   */
  readonly expireAfter?: number | undefined
}

/** Options of {@link processKV} with timers. */
export interface TimedProcessOptions<T, V, N, R, S> extends Omit<ProcessOptions<T, V, N, R>, 'deadLetter'> {
  /** The handler of due timers, and their clock. */
  readonly timers: TimerOptions<T, V, S>
  /**
   * As in {@link ProcessOptions}; for a timer that fails it gets a {@link FiredTimer} instead of a record. The timer is
   * then cleared.
   * @defaultValue `'fail'`
   */
  readonly deadLetter?: 'fail' | ((letter: DeadLetter<T | FiredTimer>) => void) | undefined
}

/**
 * With `timers`, `transform` can set and clear timers of the record's key, and `timers.onTimer` is called with the
 * state when one is due. Both are part of commits, so that a timer fires exactly once, whatever dies when.
 *
 * Time advances with the clock, or with the records (`timers.timeOf`). Before a record is processed, the due timers of
 * its key fire, in order of their times; those of other keys soon after. Emits `[record, value]` for each record and
 * `[timer, value]` for each timer, once durable. Completes when the source has completed and everything is emitted;
 * timers that are not due yet stay in the store, for the next run. Deleting a key deletes its timers.
 *
 * @example
 * ```ts
 * import { from } from 'rxjs'
 * import { FiredTimer, json, memoryStore, processKV } from 'rxkeeper'
 *
 * const store = memoryStore({ value: json<number>() })
 * const clicks = [{ user: 'ann', at: 0 }, { user: 'ann', at: 20 }, { user: 'bob', at: 90 }]
 * from(clicks).pipe(
 *   processKV(store, click => click.user, (click, count = 0, timers) => {
 *     timers.set(click.at + 30)
 *     return count + 1
 *   }, {
 *     timers: { name: 'visits', timeOf: click => click.at, onTimer: () => undefined, project: ({ key, at }, _, count) => `${key} left at ${at}: ${count}` },
 *     project: click => `${click.user} came at ${click.at}`,
 *   }),
 * ).subscribe(line => console.log(line)) // ann came at 0, ann came at 20, bob came at 90, ann left at 50: 2
 * ```
 *
 * @param keyOf the key of a record
 * @param transform the new value; `undefined` deletes the key
 * @typeParam F the type of `transform`, from which that of the new value is inferred
 */
export function processKV<
  T,
  V,
  F extends (record: NoInfer<T>, value: NoInfer<V> | undefined, timers: Timers) => NoInfer<V> | undefined,
  R = [record: T, value: ReturnType<F>],
  S = [timer: FiredTimer, value: V | undefined],
>(
  store: KVStore<V>,
  keyOf: (record: T) => string,
  transform: F,
  options: TimedProcessOptions<NoInfer<T>, NoInfer<V>, ReturnType<F>, R, S>,
): OperatorFunction<T, R | S>
/**
 * The process loop: for each record, reads the value of its key, computes a new one, writes it, and emits once that is
 * durable. No update is lost, with any number of writers, and the records of a key see each other's writes in order.
 *
 * It works in batches, so that many records share one lookup and one write. Of the records that arrive together, or
 * while a commit is in flight, each key is looked up once, unless it is remembered; `transform` runs record by record;
 * the last value of each key is written in one atomic commit, on the condition that the key still has the version that
 * was read. A single record is processed at once. If another writer was faster, the keys that it wrote are read again,
 * their records are transformed again, and the commit is repeated: **`transform` must be pure**. A commit that is too
 * large for the store is split.
 *
 * Emits `[record, value]`, or the result of `project`, in the order of the records, once durable; completes when the
 * source has completed and everything is emitted. A record that fails ends the stream, after the outputs of the records
 * before, or goes to `deadLetter`: `CALLBACK`, `INVALID_KEY`, `CODEC`, `VALUE_TOO_LARGE`. Other errors always end it:
 * `FENCED` if the records' `partition` is lost, and those of the store: `INDETERMINATE` (the commit may have been
 * carried out), `TIMEOUT`, `UNAVAILABLE`, `CLOSED`, …. An error of the source passes at once, without waiting for a
 * commit in flight. `INVALID_ARGUMENT`, at once, for a bad option.
 *
 * @example
 * ```ts
 * import { of } from 'rxjs'
 * import { json, memoryStore, processKV } from 'rxkeeper'
 *
 * const store = memoryStore({ value: json<number>() })
 * of('a', 'b', 'a').pipe(
 *   processKV(store, word => word, (_, count = 0) => count + 1),
 * ).subscribe(([word, count]) => console.log(word, count)) // a 1, b 1, a 2
 * ```
 *
 * @param keyOf the key of a record
 * @param transform the new value; `undefined` deletes the key
 * @typeParam F the type of `transform`, from which that of the new value is inferred
 */
export function processKV<
  T,
  V,
  F extends (record: NoInfer<T>, value: NoInfer<V> | undefined) => NoInfer<V> | undefined,
  R = [record: T, value: ReturnType<F>],
>(
  store: KVStore<V>,
  keyOf: (record: T) => string,
  transform: F,
  options?: ProcessOptions<NoInfer<T>, NoInfer<V>, ReturnType<F>, R>,
): OperatorFunction<T, R>
export function processKV<T, V>(
  store: KVStore<V>,
  keyOf: (record: T) => string,
  transform: (record: T, value: V | undefined, timers: Timers) => V | undefined,
  options: AnyOptions<T, V> = {},
): OperatorFunction<T, unknown> {
  const kept = keptOf(options.partition)
  const process = processJournaled<T, V, unknown>(store, keyOf, transform, options, kept?.journal)
  return kept === undefined ? process : source => kept.watch(process(source))
}

/** Options of {@link processKV}, with timers or without. */
export type AnyOptions<T, V> = Omit<TimedProcessOptions<T, V, V | undefined, unknown, unknown>, 'timers'> &
  Partial<Pick<TimedProcessOptions<T, V, V | undefined, unknown, unknown>, 'timers'>>

/**
 * {@link processKV}, for one subscription, with a journal of what is needed to make outputs again that were not taken.
 * It is told of each that was, in order; the source begins with the first record of which it was not.
 *
 * @internal
 */
export function processJournaled<T, V, R>(
  store: KVStore<V>,
  keyOf: (record: T) => string,
  transform: (record: T, value: V | undefined, timers: Timers) => V | undefined,
  options: AnyOptions<T, V>,
  journal: Journal | undefined,
): OperatorFunction<T, R> {
  const access = accessOf(store)
  if (options.timers !== undefined || options.expireAfter !== undefined)
    return processTimed(access, keyOf, transform, options, { journal }) as OperatorFunction<T, R>
  const run = transform as (record: T, value: V | undefined) => V | undefined
  return processOn(access, keyOf, run, options as ProcessOptions<T, V, V | undefined, R>, { journal })
}
