import type { OperatorFunction } from 'rxjs'
import type { KVStore } from '../store/kv-store.ts'
import type { EventTimeOptions } from './event-time.ts'
import { finalSessions } from './internal/final-sessions.ts'
import { SessionRules } from './internal/session-rules.ts'
import { type ProcessOptions, processKV } from './processKV.ts'

/** A session of a key: records with at most the gap between one and the next. */
export interface Session<V> {
  readonly key: string
  /** The time of its first record, in milliseconds. */
  readonly start: number
  /** The time of its last record, in milliseconds. */
  readonly end: number
  readonly value: V
  /** With `emit: 'final'`, whether it is final: no more records will be added. */
  readonly final?: true | undefined
}

/** A session that is final. */
export interface FinalSession<V> extends Session<V> {
  readonly final: true
}

/** The value of a key in the store of {@link sessionKV}: its sessions, oldest first. */
export type Sessions<V> = readonly Session<V>[]

/** The session of a record, after the record, and what the record changed. */
export interface SessionUpdate<V> extends Session<V> {
  /** The sessions that it replaces: none if it is new, its former self, or those that the record has merged. */
  readonly replaces: Sessions<V>
  /** Earlier sessions of the key that have become final: no more records will be added to them. */
  readonly closed: Sessions<V>
}

/** Options of {@link sessionKV}. */
export interface SessionOptions<T, V>
  extends Pick<
    ProcessOptions<T, Sessions<V>, Sessions<V>, unknown>,
    'commitSize' | 'remember' | 'deadLetter' | 'commitWith' | 'partition' | 'positionOf'
  > {
  /** `'final'`: see {@link FinalSessionOptions}. */
  readonly emit?: undefined
  /** When a record happened: a `Date`, or milliseconds. */
  readonly timeOf: (record: T) => number | Date
  /**
   * The longest inactivity within a session, in milliseconds; a longer one ends it. Do not change it for existing
   * state.
   */
  readonly gap: number
  /**
   * How much older than the newest record of its key a record may be, in milliseconds, and still surely find its
   * session open. A session is final, and closed, when the key's newest record is more than `gap + grace` after its
   * end. Do not change it for existing state.
   * @defaultValue 0: a session is closed by the first record of the next
   */
  readonly grace?: number | undefined
  /**
   * Merges the values of two sessions that an out-of-order record has joined into one. Must be pure. Required with a
   * `grace`; without, sessions cannot merge.
   * @defaultValue none
   */
  readonly merge?: ((earlier: V, later: V) => V) | undefined
  /**
   * How many final sessions of a key stay in the store, besides the open ones.
   * @defaultValue 1
   */
  readonly keep?: number | undefined
}

/** Options of {@link sessionKV} that emits each session once, when it is final. */
export interface FinalSessionOptions<T, V>
  extends EventTimeOptions<T, Sessions<V>, FinalSession<V>>,
    Pick<SessionOptions<T, V>, 'timeOf' | 'gap' | 'merge'> {
  readonly emit: 'final'
  /**
   * How much older than the newest record of the stream, of any key, a record may be and still surely find its session
   * open, in milliseconds: the lateness of the watermark.
   * @defaultValue 0
   */
  readonly grace?: number | undefined
  /**
   * How many final sessions of a key stay in the store, besides the open ones. With 0, a key is deleted soon after its
   * last session is final.
   * @defaultValue 1
   */
  readonly keep?: number | undefined
}

/**
 * Groups the records of each key into sessions by event time, and keeps the key's recent sessions in the store. A
 * session ends after a `gap` without records.
 *
 * Works as `processKV` does: records of one key in order, atomic commits, no update lost with any number of writers;
 * `transform` and `merge` must be pure. Within `grace`, the order in which the records of a key come does not matter:
 * one that is out of order is added to its session; one that lies between two sessions, within the gap of both, merges
 * them. The value under a key is the list of its sessions: the open ones and the last final ones (`keep`).
 *
 * Emits `[record, session]` for each record, in order, once durable: the session after the record, with those that it
 * `replaces` and those that it has `closed`, which are final. For a record that is too late for its session, or to open
 * one, it emits `[record, undefined]`, and does not change the state; such a record is more than `grace` older than the
 * newest of its key. Completes when the source has completed and everything is emitted. Errors are those of
 * `processKV`, and `CALLBACK` if `timeOf` or `merge` throws. `INVALID_ARGUMENT`, at once, for a bad option.
 *
 * Each key has its own event time: if no more records come, no session is closed. Such sessions can be found in the
 * store: those whose `end` is more than `gap + grace` ago, by any clock.
 *
 * @example
 * ```ts
 * import { filter, from, lastValueFrom, mergeMap } from 'rxjs'
 * import { json, memoryStore, type Sessions, sessionKV } from 'rxkeeper'
 *
 * const store = memoryStore({ value: json<Sessions<number>>() })
 * const clicks = [{ user: 'ann', at: 0 }, { user: 'ann', at: 20 }, { user: 'ann', at: 90 }]
 * await lastValueFrom(from(clicks).pipe(
 *   sessionKV(store, click => click.user, (_, count = 0) => count + 1, { timeOf: click => click.at, gap: 30 }),
 *   mergeMap(([, session]) => session?.closed ?? []),
 * )).then(({ start, end, value }) => console.log(start, end, value)) // 0 20 2
 *
 * const now = 200
 * store.entries$().pipe(
 *   mergeMap(({ value }) => value),
 *   filter(({ end }) => end + 30 < now),
 * ).subscribe(({ start, end, value }) => console.log(start, end, value)) // 0 20 2, 90 90 1
 * ```
 *
 * @param keyOf the key of a record
 * @param transform the new value of the record's session, from the one before; `undefined` where the session is new
 * @typeParam F the type of `transform`, from which that of the new value is inferred
 */
export function sessionKV<T, V, F extends (record: NoInfer<T>, value: NoInfer<V> | undefined) => NoInfer<V>>(
  store: KVStore<Sessions<V>>,
  keyOf: (record: T) => string,
  transform: F,
  options: SessionOptions<NoInfer<T>, NoInfer<V>>,
): OperatorFunction<T, [record: T, session: SessionUpdate<V> | undefined]>
/**
 * With `emit: 'final'`, each session is emitted once, when no more records can be added: when the watermark (the newest
 * time of the stream minus `grace`, advanced by the clock if nothing comes for `idleAfter`) has passed its end plus the
 * gap. The same commit marks it as `final` in the store, so that after a restart or a move each session becomes final
 * exactly once. Outputs are emitted after the commit, so at most once if the process dies in between; `commitOutputs`
 * writes those that must not be lost. A record that is too late for its session, or to open one, goes to `deadLetter`,
 * with the code `LATE`.
 *
 * @example
 * ```ts
 * import { from } from 'rxjs'
 * import { json, memoryStore, type Sessions, sessionKV } from 'rxkeeper'
 *
 * const store = memoryStore({ value: json<Sessions<number>>() })
 * const clicks = [{ user: 'ann', at: 0 }, { user: 'ann', at: 20 }, { user: 'bob', at: 90 }]
 * from(clicks).pipe(
 *   sessionKV(store, click => click.user, (_, count = 0) => count + 1, {
 *     timeOf: click => click.at, gap: 30, emit: 'final', name: 'visits',
 *   }),
 * ).subscribe(({ key, start, end, value }) => console.log(key, start, end, value)) // ann 0 20 2
 * ```
 *
 * @param keyOf the key of a record
 * @param transform the new value of the record's session, from the one before; `undefined` where the session is new
 * @typeParam F the type of `transform`, from which that of the new value is inferred
 */
export function sessionKV<T, V, F extends (record: NoInfer<T>, value: NoInfer<V> | undefined) => NoInfer<V>>(
  store: KVStore<Sessions<V>>,
  keyOf: (record: T) => string,
  transform: F,
  options: FinalSessionOptions<NoInfer<T>, NoInfer<V>>,
): OperatorFunction<T, FinalSession<V>>
export function sessionKV<T, V>(
  store: KVStore<Sessions<V>>,
  keyOf: (record: T) => string,
  transform: (record: T, value: V | undefined) => V,
  options: SessionOptions<T, V> | FinalSessionOptions<T, V>,
): OperatorFunction<T, unknown> {
  return options.emit === undefined
    ? sessions(store, keyOf, transform, options)
    : finalSessions(store, keyOf, transform, options)
}

function sessions<T, V>(
  store: KVStore<Sessions<V>>,
  keyOf: (record: T) => string,
  transform: (record: T, value: V | undefined) => V,
  options: SessionOptions<T, V>,
): OperatorFunction<T, [record: T, session: SessionUpdate<V> | undefined]> {
  const { commitSize, remember, deadLetter, commitWith, partition, positionOf } = options
  const rules = new SessionRules<T, V>(keyOf, transform, options, 1)
  return processKV(store, keyOf, (record, sessions) => rules.add(record, sessions), {
    commitSize,
    remember,
    deadLetter,
    commitWith,
    partition,
    positionOf,
    unchanged: Object.is,
    project: (record, sessions, before): [T, SessionUpdate<V> | undefined] => [
      record,
      rules.update(record, sessions, before),
    ],
  })
}
