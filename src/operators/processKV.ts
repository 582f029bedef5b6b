import type { OperatorFunction } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { OwnedPartition } from '../contract/owned-partition.ts'
import { accessOf } from '../store/access.ts'
import type { BytesPut, KVStore, Mutation } from '../store/kv-store.ts'
import { bound, wholeOrInfinite } from './internal/arguments.ts'
import type { Process } from './internal/batch.ts'
import { CommitFence } from './internal/commit-fence.ts'
import { CommitLoop, mostCommits } from './internal/commit-loop.ts'
import type { Journal } from './internal/journal.ts'
import { keptOf } from './internal/kept.ts'
import { operate } from './internal/operate.ts'

/** A record that could not be processed, and why. It has left no trace in the state. */
export interface DeadLetter<T> {
  readonly record: T
  readonly error: KVError
}

/** Options of {@link processKV}. */
export interface ProcessOptions<T, V, N, R = unknown> {
  /**
   * Makes the output of a record from it, the new value, and the value before.
   * @defaultValue `[record, value]`
   */
  readonly project?: ((record: T, value: N, previous: V | undefined) => R) | undefined
  /**
   * How many records one commit takes at most, from 1 to `Infinity`. The operator holds those of the commits under way
   * (one; with a `partition` four) and of one more. A source that can be paused (`pull$`) is asked for no more; what
   * another source sends beyond it waits in memory.
   * @defaultValue 8192
   */
  readonly commitSize?: number | undefined
  /**
   * About how many recently used keys to keep the value of, so that they need no lookup: the commit checks the version.
   * Only where nobody deletes these keys: one that was deleted and recreated up to the same version is taken for the old
   * one, and what was written to it is lost.
   * @defaultValue 0: every batch looks its keys up
   */
  readonly remember?: number | undefined
  /**
   * Whether a value that `transform` returned is the one it was given, so that it need not be written. An object may
   * have been changed in place: give `Object.is` where you know that it was not.
   * @defaultValue identical primitives; every object is written
   */
  readonly unchanged?: ((before: V, after: V) => boolean) | undefined
  /**
   * Gets each record that fails by itself, in its turn, and the stream goes on without it. The record leaves no trace in
   * the state. These are `CALLBACK` (`keyOf`, `transform` or `project` threw), `INVALID_KEY`, `CODEC` and
   * `VALUE_TOO_LARGE`; other errors end the stream.
   * @defaultValue `'fail'`: the error ends the stream, after the outputs of the records before
   */
  readonly deadLetter?: 'fail' | ((letter: DeadLetter<T>) => void) | undefined
  /**
   * Further writes for the commit of these records (all that it covers, in order, dead letters too), for instance the
   * position of the last in the input: the writes are durable together or not at all. On keys that no record has; a put of
   * `bytes` is stored as it is, whatever the store's codec. May be called again for a commit that is repeated. An error of
   * one of these writes, `VERSION_CONFLICT` too, ends the stream.
   * @defaultValue none
   */
  readonly commitWith?: ((records: readonly T[]) => Iterable<Mutation<V> | BytesPut>) | undefined
  /**
   * The partition of an input that the records are of, as `ownPartitions$` gives it. Each commit then carries its fence and
   * position, and several are on their way at a time; what was written is remembered. Nothing is committed, or emitted, of a
   * partition that another has taken over: that ends the stream with `FENCED`.
   * @defaultValue none
   */
  readonly partition?: Pick<OwnedPartition<unknown>, 'fence'> | undefined
  /**
   * The position of a record in its partition: what comes after it is read when the partition is read again. JSON.
   * @defaultValue none; needed with a `partition`
   */
  readonly positionOf?: ((record: T) => unknown) | undefined
}

/** How many keys of an owned partition are remembered by default. */
const REMEMBERED = 100_000

/** Throws `INVALID_ARGUMENT` where one of the two options of an owned partition is missing. */
function fenceOf<T>(
  { partition, positionOf }: Pick<ProcessOptions<T, never, never, unknown>, 'partition' | 'positionOf'>,
  journal: Journal | undefined,
): (() => CommitFence<T>) | undefined {
  if (partition === undefined && positionOf === undefined) return undefined
  if (partition === undefined || positionOf === undefined) {
    throw new KVError(
      'INVALID_ARGUMENT',
      `\`${partition === undefined ? 'positionOf' : 'partition'}\` needs \`${partition === undefined ? 'partition' : 'positionOf'}\`, too`,
    )
  }
  return () => new CommitFence(partition.fence, positionOf, journal?.outputs)
}

const isSamePrimitive = (before: unknown, after: unknown): boolean =>
  Object.is(before, after) && (typeof after !== 'object' || after === null) && typeof after !== 'function'

/**
 * The process loop: for each record, reads the value under its key, computes a new one, writes it, and emits when that
 * is durable. No update is lost, with any number of writers, and the records of one key see each other's writes in order.
 *
 * It works in batches, so that many records share one lookup and one write: of the records that arrive together or
 * while a commit is under way, each key is looked up once, unless it is remembered; `transform` runs record by record;
 * the last value of each key is written in one atomic commit, on the condition that the key still has the version that
 * was read. A single record leaves at once. Where another writer was faster, the keys he wrote are read again, their
 * records are transformed again, and the commit is repeated: **`transform` must be pure**. A commit that is too large for
 * the store is made in pieces.
 *
 * Emits `[record, value]`, or what `project` makes of it, in the order of the records, once durable; completes when the
 * source has completed and all is emitted. A record that fails by itself ends the stream, after the outputs of the
 * records before, or goes to `deadLetter`: `CALLBACK`, `INVALID_KEY`, `CODEC`, `VALUE_TOO_LARGE`. `FENCED` ends it where the
 * records' `partition` is lost. So do, always, the errors of the
 * store: `INDETERMINATE` (the commit may have been carried out), `TIMEOUT`, `UNAVAILABLE`, `CLOSED`, …. An error of the source
 * passes at once, a commit under way is then not waited for. `INVALID_ARGUMENT`, at once, for a bad option.
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
 * @typeParam F the type of `transform`
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
  options: ProcessOptions<NoInfer<T>, NoInfer<V>, ReturnType<F>, R> = {},
): OperatorFunction<T, R> {
  const kept = keptOf(options.partition)
  const process = processJournaled(store, keyOf, transform, options, kept?.journal)
  return kept === undefined ? process : source => kept.watch(process(source))
}

/**
 * {@link processKV}, for one subscription, with a journal of what is needed to make outputs again that were not taken. It
 * is told of each that was, in order; the source begins with the first record of which it was not.
 *
 * @internal
 */
export function processJournaled<T, V, N, R>(
  store: KVStore<V>,
  keyOf: (record: T) => string,
  transform: (record: T, value: V | undefined) => V | undefined,
  options: ProcessOptions<T, V, N, R>,
  journal: Journal | undefined,
): OperatorFunction<T, R> {
  const commitSize = wholeOrInfinite('commitSize', options.commitSize, 8192)
  const fence = fenceOf(options, journal)
  const process: Process<T, V, R> = {
    keyOf,
    transform,
    project: options.project as Process<T, V, R>['project'],
    unchanged: options.unchanged ?? isSamePrimitive,
    commitWith: options.commitWith,
    deadLetter: options.deadLetter === 'fail' ? undefined : options.deadLetter,
    commitSize,
    remember: bound('remember', options.remember, fence === undefined ? 0 : REMEMBERED, 0),
    fence,
    journal,
  }
  const access = accessOf(store)
  return operate(
    (1 + mostCommits(process)) * commitSize,
    (destination, intake) => new CommitLoop(access, process, destination, intake),
  )
}
