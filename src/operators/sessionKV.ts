import type { OperatorFunction } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { KVStore } from '../store/kv-store.ts'
import { bound, calling } from './internal/arguments.ts'
import { timeIn } from './internal/event-time.ts'
import { type ProcessOptions, processKV } from './processKV.ts'

/** A session of a key: records with no more than the gap between one and the next. */
export interface Session<V> {
  readonly key: string
  /** The time of its first record, in milliseconds. */
  readonly start: number
  /** The time of its last record, in milliseconds. */
  readonly end: number
  readonly value: V
}

/** What the store of {@link sessionKV} holds under a key: its sessions, the oldest first. */
export type Sessions<V> = readonly Session<V>[]

/** The session of a record, after it, and what the record changed. */
export interface SessionUpdate<V> extends Session<V> {
  /** What it takes the place of: nothing where it is new, itself as it was before, or those that the record joined. */
  readonly replaces: Sessions<V>
  /** Earlier sessions of the key that are final now: no record will be added to them any more. */
  readonly closed: Sessions<V>
}

/** Options of {@link sessionKV}. */
export interface SessionOptions<T, V>
  extends Pick<
    ProcessOptions<T, Sessions<V>, Sessions<V>, unknown>,
    'commitSize' | 'remember' | 'deadLetter' | 'commitWith' | 'partition' | 'positionOf'
  > {
  /** When a record happened: a `Date`, or milliseconds. */
  readonly timeOf: (record: T) => number | Date
  /** The longest inactivity within a session, in milliseconds; a longer one ends it. Not to be changed for a given state. */
  readonly gap: number
  /**
   * How much older than the newest record of its key a record may be, in milliseconds, and surely find its session open.
   * A session is final, and closed, when the key's newest record is more than `gap + grace` after its end. Not to be
   * changed for a given state.
   * @defaultValue 0: a session is closed by the first record of the next
   */
  readonly grace?: number | undefined
  /**
   * The value of two sessions that turn out to be one, as a record came out of order that belongs to both. It must be
   * pure. Needed with a `grace`; without, sessions cannot meet.
   * @defaultValue none
   */
  readonly merge?: ((earlier: V, later: V) => V) | undefined
  /**
   * How many final sessions of a key stay in the store, to be read, beside those that are open.
   * @defaultValue 1
   */
  readonly keep?: number | undefined
}

/** How records become sessions: the rules, apart from any store. */
class Rules<T, V> {
  readonly #keyOf: (record: T) => string
  readonly #transform: (record: T, value: V | undefined) => V
  readonly #timeOf: (record: T) => number | Date
  readonly #gap: number
  readonly #grace: number
  readonly #keep: number
  readonly #merge: (earlier: V, later: V) => V

  constructor(
    keyOf: (record: T) => string,
    transform: (record: T, value: V | undefined) => V,
    { timeOf, gap, grace, merge, keep }: SessionOptions<T, V>,
  ) {
    this.#keyOf = keyOf
    this.#transform = transform
    this.#timeOf = timeOf
    this.#gap = bound('gap', gap, Number.NaN)
    this.#grace = bound('grace', grace, 0, 0)
    this.#keep = bound('keep', keep, 1)
    if (this.#grace > 0 && merge === undefined) {
      const why = 'which says what two sessions that turn out to be one come to'
      throw new KVError('INVALID_ARGUMENT', `a \`grace\` of ${grace} needs \`merge\`, ${why}`)
    }
    this.#merge =
      merge ??
      (() => {
        throw new TypeError('it is not given, and two sessions turn out to be one')
      })
  }

  /** The sessions after a record; the very same where it is late. */
  add(record: T, sessions: Sessions<V> = []): Sessions<V> {
    const time = timeIn(this.#timeOf, record)
    const newest = sessions.at(-1)?.end ?? Number.NEGATIVE_INFINITY
    const joined = sessions.filter(({ start, end }) => time >= start - this.#gap && time <= end + this.#gap)
    // One that would bring a final session nearer than the gap to an open one is late, too.
    const isLate =
      joined.length === 0
        ? this.#isFinal(time, newest)
        : joined.some(session => this.#isFinal(session.end, newest))
    if (isLate) return sessions
    const values = joined.map(({ value }) => value)
    const before =
      values.length < 2 ? values[0] : calling('merge', () => values.reduce((a, b) => this.#merge(a, b)))
    const session: Session<V> = {
      key: joined[0]?.key ?? this.#keyOf(record),
      start: Math.min(time, joined[0]?.start ?? time),
      end: Math.max(time, joined.at(-1)?.end ?? time),
      value: this.#transform(record, before),
    }
    const all = [
      ...sessions.filter(({ end }) => end < session.start),
      session,
      ...sessions.filter(({ start }) => start > session.end),
    ]
    const final = all.filter(({ end }) => this.#isFinal(end, all.at(-1)!.end))
    return all.slice(Math.max(0, final.length - this.#keep))
  }

  /** What a record that brought the sessions from `before` to `after` did; `undefined` where it was late. */
  update(record: T, after: Sessions<V>, before: Sessions<V> | undefined): SessionUpdate<V> | undefined {
    if (after === before) return undefined
    const time = timeIn(this.#timeOf, record)
    const session = after.find(({ start, end }) => start <= time && time <= end)!
    const newest = (sessions: Sessions<V>): number => sessions.at(-1)!.end
    return {
      ...session,
      replaces: before?.filter(({ start, end }) => start >= session.start && end <= session.end) ?? [],
      closed:
        before?.filter(
          ({ end }) => this.#isFinal(end, newest(after)) && !this.#isFinal(end, newest(before)),
        ) ?? [],
    }
  }

  #isFinal(end: number, newest: number): boolean {
    return end + this.#gap + this.#grace < newest
  }
}

/**
 * Sessions: puts each record of a key into the session that it belongs to by the time at which it happened, and keeps
 * the key's recent sessions in the store. A session ends after a `gap` without records.
 *
 * Works as `processKV` does: records of one key in order, atomic commits, no update lost with any number of writers;
 * `transform` and `merge` must be pure. The order in which the records of a key come does not matter within `grace`: one
 * that is out of order joins the session it belongs to, one that lies between two within the gap of both makes them one.
 * The value under a key is the list of its sessions, the open ones and the last final ones (`keep`).
 *
 * Emits `[record, session]` for each record, in order, once durable: the session after the record, with those that it
 * `replaces` and those that are `closed` by it, which are final. For a record that is too late for its session, or to
 * open one, it emits `[record, undefined]`, and the state is as it was; such a record is more than `grace` older than the
 * newest of its key. Completes when the source has completed and all is emitted. Errors are those of `processKV`, and
 * `CALLBACK` where `timeOf` or `merge` throws. `INVALID_ARGUMENT`, at once, for a bad option.
 *
 * Time is the records' own, for each key by itself: where nothing more comes, nothing is closed. Such sessions are found
 * in the store: those whose `end` is longer ago than `gap + grace`, by whatever clock.
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
 * @typeParam F the type of `transform`
 * @param keyOf the key of a record
 * @param transform the new value of the record's session, from the one before; `undefined` where the session is new
 * @typeParam F the type of `transform`, from which that of the new value is inferred
 */
export function sessionKV<T, V, F extends (record: NoInfer<T>, value: NoInfer<V> | undefined) => NoInfer<V>>(
  store: KVStore<Sessions<V>>,
  keyOf: (record: T) => string,
  transform: F,
  options: SessionOptions<NoInfer<T>, NoInfer<V>>,
): OperatorFunction<T, [record: T, session: SessionUpdate<V> | undefined]> {
  const { commitSize, remember, deadLetter, commitWith, partition, positionOf } = options
  const rules = new Rules<T, V>(keyOf, transform, options)
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
