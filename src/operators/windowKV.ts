import { defer, type OperatorFunction } from 'rxjs'
import { wholeNumber } from '../base/arguments.ts'
import { KVError } from '../base/errors.ts'
import type { KVStore } from '../store/kv-store.ts'
import type { EventTimeOptions } from './event-time.ts'
import { finalWindows } from './internal/final-windows.ts'
import { flatten } from './internal/flatten.ts'
import { Assigner, type Visit, type WindowLayout, type WindowSpan } from './internal/windows.ts'
import { type ProcessOptions, processKV } from './processKV.ts'
import { END_OF_TIME } from './windowKey.ts'

export type { WindowSpan }

/** A value in the store of {@link windowKV}: one window of one key. */
export interface Window<V> extends WindowSpan {
  readonly value: V
  /** With `emit: 'final'`, whether it is final: no more records will be added. */
  readonly final?: true | undefined
}

/** A window that is final. */
export interface FinalWindow<V> extends Window<V> {
  readonly final: true
}

/** A window after a record. */
export interface WindowUpdate<V> extends Window<V> {
  /** Whether, since the subscription, an earlier record of any key happened at the window's `end` or later. */
  readonly late: boolean
}

/** Options of {@link windowKV}. */
export interface WindowOptions<T, V, K extends number | undefined = number | undefined>
  extends Pick<
    ProcessOptions<T, Window<V>, Window<V>, unknown>,
    'commitSize' | 'remember' | 'deadLetter' | 'commitWith' | 'partition' | 'positionOf'
  > {
  /** `'final'`: see {@link FinalWindowOptions}. */
  readonly emit?: undefined
  /** When a record happened: a `Date`, or milliseconds. Within the years 0 to 9999. */
  readonly timeOf: (record: T) => number | Date
  /** How long a window is, in whole milliseconds. */
  readonly size: number
  /**
   * The time from the start of one window to that of the next, in whole milliseconds; at most `size`. With less, a
   * record is in `size / every` windows, which may be written in two commits: it counts that often in `commitSize`, and
   * excludes `commitWith` and `partition`. Do not change it for existing state.
   * @defaultValue `size`: windows do not overlap
   */
  readonly every?: number | undefined
  /**
   * How many windows of each key to keep, at least `size / every`. A window shares its store key with those `keep`, `2
   * * keep`, … windows before and after it: the newest of them that has a record occupies it. Do not change it for
   * existing state.
   * @defaultValue all
   */
  readonly keep?: K
}

/** Options of {@link windowKV} that emits each window once, when it is final. */
export interface FinalWindowOptions<T, V>
  extends EventTimeOptions<T, Window<V>, FinalWindow<V>>,
    Pick<WindowOptions<T, V>, 'timeOf' | 'size' | 'every'> {
  readonly emit: 'final'
  /**
   * How much older than the newest record of the stream, of any key, a record may be and still surely find its window
   * open, in whole milliseconds: a window is final when the watermark reaches its end.
   * @defaultValue 0
   */
  readonly lateness?: number | undefined
  /**
   * How many windows of each key to keep, as in {@link WindowOptions}; at least as many that only final ones are
   * dropped. With 0, only open ones: a window is deleted in the commit that makes it final.
   * @defaultValue all
   */
  readonly keep?: number | undefined
}

/** Validates the options, and fills in defaults. */
function layoutOf<T, V>(
  options: Pick<WindowOptions<T, V>, 'size' | 'every' | 'keep' | 'commitWith' | 'partition'>,
): WindowLayout {
  const size = wholeNumber('size', options.size, 1, END_OF_TIME)
  const every = wholeNumber('every', options.every ?? size, 1, size)
  const keep = options.keep
  // With fewer, the windows of one record would replace each other.
  if (keep !== undefined) wholeNumber('keep', keep, Math.ceil(size / every), Math.floor(END_OF_TIME / every))
  const whole = options.commitWith !== undefined ? 'commitWith' : 'partition'
  if (every < size && options[whole] !== undefined) {
    throw new KVError(
      'INVALID_ARGUMENT',
      `\`${whole}\` needs windows that do not overlap, got \`size\` ${size} and \`every\` ${every}: ` +
        'the windows of one record may be written in two commits',
    )
  }
  return { size, every, keep }
}

/**
 * Groups the records of each key into windows by event time, and keeps a value for each window in the store. Windows
 * are aligned to the epoch; they follow each other (tumbling) or, with an `every` shorter than their `size`, overlap
 * (hopping).
 *
 * Works as `processKV` does: records of one window in order, atomic commits, no update lost with any number of writers;
 * `transform` must be pure. Windows do not close: a late record updates its old window, so the order in which records
 * come matters only if it matters to `transform`.
 *
 * Each window is an entry `{ key, start, end, value }` of its own, under the store key {@link windowKey}: list a key's
 * windows in order of time with `entries$({ prefix: windowPrefix(key) })`, and watch them with `changes$`, in any
 * process.
 *
 * The state grows with time, unless `keep` bounds it. A window then shares its store key with those `keep` windows
 * before and after (the key has the start modulo `keep * every`, so that a list is no longer in order of time), and a
 * newer one replaces an older one in a single write. So the older one is dropped at once and for good, for all writers,
 * even after a restart: its records find a newer one and change nothing. Keys without further records keep their last
 * windows. Delete those by hand only if no late record can come: it would start its window anew.
 *
 * Emits `[record, window]` for each record and window, in the order of the records, once durable: the window after the
 * record, and whether the record was `late`; with `keep`, `[record, undefined]` for a window that was dropped.
 * Completes when the source has completed and everything is emitted. Errors are those of `processKV`, and `CALLBACK` if
 * `timeOf` throws or returns no time; if windows overlap, `transform` fails separately for each window of a record.
 * `INVALID_ARGUMENT`, at once, for a bad option.
 *
 * @example
 * ```ts
 * import { from, lastValueFrom, tap } from 'rxjs'
 * import { json, memoryStore, type Window, windowKV, windowPrefix } from 'rxkeeper'
 *
 * const store = memoryStore({ value: json<Window<number>>() })
 * const clicks = [{ page: '/', at: 10 }, { page: '/', at: 70 }, { page: '/', at: 50 }]
 * await lastValueFrom(from(clicks).pipe(
 *   windowKV(store, click => click.page, (_, count = 0) => count + 1, { timeOf: click => click.at, size: 60 }),
 *   tap(([, { start, value, late }]) => console.log(start, value, late)), // 0 1 false, 60 1 false, 0 2 true
 * ))
 * store.entries$({ prefix: windowPrefix('/') }).subscribe(
 *   ({ value }) => console.log(value.start, value.end, value.value), // 0 60 2, 60 120 1
 * )
 * ```
 *
 * @param keyOf the key of a record
 * @param transform the new value of a window that the record is in, from the one before; `undefined` where it has none
 * @typeParam F the type of `transform`, from which that of the new value is inferred
 */
export function windowKV<
  T,
  V,
  F extends (record: NoInfer<T>, value: NoInfer<V> | undefined, window: WindowSpan) => NoInfer<V>,
  K extends number | undefined = undefined,
>(
  store: KVStore<Window<V>>,
  keyOf: (record: T) => string,
  transform: F,
  options: WindowOptions<NoInfer<T>, NoInfer<V>, K>,
): OperatorFunction<T, [record: T, window: WindowUpdate<V> | (K extends number ? undefined : never)]>
/**
 * With `emit: 'final'`, each window is emitted once, when it is final: when the watermark (the newest time of the
 * stream minus `lateness`, advanced by the clock if nothing comes for `idleAfter`) reaches its end. The same commit
 * marks it as `final` in the store, so that after a restart or a move each window becomes final exactly once. Outputs
 * are emitted after the commit, so at most once if the process dies in between; `commitOutputs` writes those that must
 * not be lost. A record whose window is final goes to `deadLetter`, with the code `LATE`.
 *
 * @example
 * ```ts
 * import { from } from 'rxjs'
 * import { json, memoryStore, type Window, windowKV } from 'rxkeeper'
 *
 * const store = memoryStore({ value: json<Window<number>>() })
 * const clicks = [{ page: '/', at: 10 }, { page: '/', at: 50 }, { page: '/', at: 70 }, { page: '/', at: 20 }]
 * from(clicks).pipe(
 *   windowKV(store, click => click.page, (_, count = 0) => count + 1, {
 *     timeOf: click => click.at, size: 60, emit: 'final', name: 'pages',
 *     deadLetter: ({ record, error }) => console.log(error.code, record), // LATE { page: '/', at: 20 }
 *   }),
 * ).subscribe(({ start, end, value }) => console.log(start, end, value)) // 0 60 2
 * ```
 *
 * @param keyOf the key of a record
 * @param transform the new value of a window that the record is in, from the one before; `undefined` where it has none
 * @typeParam F the type of `transform`, from which that of the new value is inferred
 */
export function windowKV<
  T,
  V,
  F extends (record: NoInfer<T>, value: NoInfer<V> | undefined, window: WindowSpan) => NoInfer<V>,
>(
  store: KVStore<Window<V>>,
  keyOf: (record: T) => string,
  transform: F,
  options: FinalWindowOptions<NoInfer<T>, NoInfer<V>>,
): OperatorFunction<T, FinalWindow<V>>
export function windowKV<T, V>(
  store: KVStore<Window<V>>,
  keyOf: (record: T) => string,
  transform: (record: T, value: V | undefined, window: WindowSpan) => V,
  options: WindowOptions<T, V> | FinalWindowOptions<T, V>,
): OperatorFunction<T, unknown> {
  if (options.emit === undefined) return windows(store, keyOf, transform, options)
  const layout = layoutOf({ ...options, keep: options.keep === 0 ? undefined : options.keep })
  return finalWindows(store, keyOf, transform, options, layout)
}

function windows<T, V>(
  store: KVStore<Window<V>>,
  keyOf: (record: T) => string,
  transform: (record: T, value: V | undefined, window: WindowSpan) => V,
  options: WindowOptions<T, V>,
): OperatorFunction<T, [record: T, window: WindowUpdate<V> | undefined]> {
  type Output = [record: T, window: WindowUpdate<V> | undefined]
  const { timeOf, commitSize, remember, deadLetter, commitWith, partition, positionOf } = options
  const layout = layoutOf(options)
  const update = processKV(
    store,
    ({ place, failure }: Visit<T>) => {
      if (place === undefined) throw failure
      return place.storeKey
    },
    ({ record, place }: Visit<T>, current: Window<V> | undefined): Window<V> => {
      const { span } = place!
      // A newer window has replaced it.
      if (current !== undefined && current.start > span.start) return current
      const value = current?.start === span.start ? current.value : undefined
      return { ...span, value: transform(record, value, span) }
    },
    {
      commitSize,
      remember,
      // It is the same object only if nothing was to be done.
      unchanged: Object.is,
      project: ({ record, place, late }, window): Output => [
        record,
        window.start === place!.span.start ? { ...window, late } : undefined,
      ],
      deadLetter:
        typeof deadLetter === 'function'
          ? ({ record: { record }, error }) => deadLetter({ record, error })
          : deadLetter,
      commitWith: commitWith && (visits => commitWith(visits.map(({ record }) => record))),
      partition,
      positionOf: positionOf && (({ record }) => positionOf(record)),
    },
  )
  return source =>
    defer(() => {
      const assigner = new Assigner(keyOf, timeOf, layout)
      return source.pipe(
        flatten(record => assigner.visits(record)),
        update,
      )
    })
}
