import { KVError } from '../../base/errors.ts'
import type { FinalSession, Session, SessionOptions, Sessions, SessionUpdate } from '../sessionKV.ts'
import { bound, calling } from './arguments.ts'
import { timeIn } from './event-time.ts'

/** The rules of sessions, independent of the store. */
export class SessionRules<T, V> {
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
    {
      timeOf,
      gap,
      grace,
      merge,
      keep,
    }: Pick<SessionOptions<T, V>, 'timeOf' | 'gap' | 'grace' | 'merge' | 'keep'>,
    leastKept: 0 | 1,
  ) {
    this.#keyOf = keyOf
    this.#transform = transform
    this.#timeOf = timeOf
    this.#gap = bound('gap', gap, Number.NaN)
    this.#grace = bound('grace', grace, 0, 0)
    this.#keep = bound('keep', keep, 1, leastKept)
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

  /**
   * The sessions after a record; the same object if the record is late. The watermark decides what is final, or,
   * without one, the newest record of the key.
   */
  add(record: T, sessions: Sessions<V> = [], watermark?: number): Sessions<V> {
    const time = timeIn(this.#timeOf, record)
    const newest =
      watermark === undefined
        ? (sessions.at(-1)?.end ?? Number.NEGATIVE_INFINITY)
        : Math.floor(watermark) + this.#grace
    const joined = sessions.filter(({ start, end }) => time >= start - this.#gap && time <= end + this.#gap)
    // One that would bring a final session within the gap of an open one is late, too. With a watermark, one so old
    // that a session of its own would be final is always late, so that final sessions need not be remembered forever.
    const isLate =
      joined.some(session => this.#isFinal(session.end, newest)) ||
      ((joined.length === 0 || watermark !== undefined) && this.#isFinal(time, newest))
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
    return this.#kept(all, watermark === undefined ? all.at(-1)!.end : newest)
  }

  /** The open sessions, and the last final ones. */
  #kept(sessions: Sessions<V>, newest: number): Sessions<V> {
    const final = sessions.filter(({ end }) => this.#isFinal(end, newest))
    // The last one is needed to decide which records are late.
    return sessions.slice(Math.max(0, final.length - Math.max(1, this.#keep)))
  }

  /** When the next session becomes final, or can be forgotten, by the watermark; `undefined` for never. */
  next(sessions: Sessions<V>): number | undefined {
    const open = sessions.find(({ final }) => final !== true)
    const [first] = sessions
    const forgotten =
      this.#keep === 0 && first?.final === true ? this.#forgottenAt(first) : Number.POSITIVE_INFINITY
    const next = Math.min(open === undefined ? Number.POSITIVE_INFINITY : this.#finalAt(open), forgotten)
    return next === Number.POSITIVE_INFINITY ? undefined : next
  }

  /** The session that becomes final at this time. */
  closing(sessions: Sessions<V>, time: number): FinalSession<V> | undefined {
    const open = sessions.find(({ final }) => final !== true)
    return open !== undefined && this.#finalAt(open) <= time ? { ...open, final: true } : undefined
  }

  /** The sessions at this time, with the final one marked. */
  close(sessions: Sessions<V>, time: number): Sessions<V> {
    const closing = this.closing(sessions, time)
    const all = sessions.map(session => (session.start === closing?.start ? closing : session))
    if (this.#keep > 0) return this.#kept(all, Math.floor(time) + this.#grace)
    return all.filter(session => session.final !== true || this.#forgottenAt(session) > time)
  }

  /** When it becomes final, by the watermark: no record that is not late can join it any more. */
  #finalAt({ end }: Session<V>): number {
    return end + this.#gap + 1
  }

  /** From then on, a record that would have joined it is late, even after it was forgotten. */
  #forgottenAt({ end }: Session<V>): number {
    return end + 2 * this.#gap + 1
  }

  /** The effect of a record that changed the sessions from `before` to `after`; `undefined` if it was late. */
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
